import assert from "node:assert/strict";
import { CONDITIONS, type Conditions } from "../../src/packet/conditions.ts";
import {
  DECIDED_BRIDGE,
  DECIDED_NEXTHOP,
  DECIDED_PREFIX,
  DECIDED_SOURCE,
  DECIDED_VIF,
  DECISION_VRF,
  NEXTHOP_FLAGS,
  NEXTHOP_ID,
  NEXTHOP_TYPE,
  ROUTE_LABEL,
  SOURCE_VIF,
  VIF_INDEX,
} from "../../src/probe/decision_record.ts";
import { DROPPED_BYTES, NEXTHOP, RECORDED_BYTES } from "../../src/probe/packet_record.ts";
import type { View } from "../../src/trace/events.ts";
import { chooseConditions, chooseInterfaces, kindsOf } from "../../src/trace/packet_choice.ts";
import { Place } from "../../src/trace/place.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { NH, TUNNEL_FLAGS } from "../../src/vrouter/nexthops.ts";
import { feed } from "../support/call_records.ts";
import { decisionRecord, dropRecord, feedWords, packetRecord } from "../support/packet_records.ts";
import { TUNNELLED } from "../support/tunnels.ts";

const AT = { slot: 5, generation: 1, task: 1 };
const VROUTER = 77;
const NETNS = 4026531840;
const VIFS = [{ index: 3, ifindex: 7, vrf: 2 }, { index: 4, ifindex: 8, vrf: 9 }];
const NONE: Conditions = { vif: [], vrf: [], nh: [], label: [], vni: [] };

/** Where the record of a packet, a call or a decision shows it. */
function placeOf(record: Uint32Array | readonly [vif: number, nexthop: number]): Place {
  const place = new Place();
  const nothing = (): void => {};
  const view: View = {
    enter: (step) => place.call(step),
    leave: nothing,
    abandon: nothing,
    orphan: nothing,
    packet: (_, details) => place.seen(details),
    dropped: (_, details) => place.dropped(details.record),
    decided: (_, details) => place.decided(details.record),
  };
  const tree = new CallTree(view, 1);
  if (record instanceof Uint32Array) feedWords(tree, record);
  else feed(tree, { kind: "entry", task: 1, cpu: 0, frame: 0xa000_8000, fn: 0, more: [...record] });
  return place;
}

/** The kinds of conditions that are met there. */
function met(
  record: Parameters<typeof placeOf>[0],
  conditions: Partial<Conditions>,
  callsHaveVifs = true,
): string[] {
  const choice = chooseConditions({ ...NONE, ...conditions }, {
    vifs: () => VIFS,
    vrouterNetns: NETNS,
    callsHaveVifs,
  });
  const bits = choice(placeOf(record));
  return CONDITIONS.filter((_, kind) => bits >> kind & 1);
}

const ALL = { vif: [3], vrf: [2], nh: [21], label: [1000], vni: [5000] };
const UNKNOWN = 0xffff_ffff;

Deno.test("a call meets conditions by its vif, the VRF of that, and its nexthop", () => {
  assert.deepEqual(met([3, 21], ALL), ["vif", "vrf", "nh"]);
  assert.deepEqual(met([4, 22], ALL), []);
  assert.deepEqual(met([UNKNOWN, 21], ALL), ["nh"]);
  assert.deepEqual(met([4, 22], { vrf: [9], nh: [1, 22] }), ["vrf", "nh"]);
  assert.deepEqual(met([UNKNOWN, UNKNOWN], ALL), []);
});

Deno.test("decisions meet them by what they are about", () => {
  const decided = (decision: number, words: Record<number, number>): string[] =>
    met(decisionRecord(AT, decision, words), ALL);
  assert.deepEqual(decided(DECIDED_VIF, { [VIF_INDEX]: 3 }), ["vif", "vrf"]);
  assert.deepEqual(decided(DECIDED_NEXTHOP, { [NEXTHOP_ID]: 21 }), ["nh"]);
  assert.deepEqual(decided(DECIDED_SOURCE, { [NEXTHOP_ID]: 21, [SOURCE_VIF]: 3 }), [
    "vif",
    "vrf",
    "nh",
  ]);
  // What a lookup has found is not yet where the packet is.
  for (const lookup of [DECIDED_BRIDGE, DECIDED_PREFIX]) {
    assert.deepEqual(decided(lookup, { [NEXTHOP_ID]: 21, [DECISION_VRF]: 2 }), ["vrf"]);
  }
});

Deno.test("a tunnel is that of the packet's bytes, or that of the nexthop that puts it into one", () => {
  for (const { name, bytes, tunnel, number } of TUNNELLED) {
    const { length } = bytes;
    const seen = packetRecord(AT, { length, header: bytes.subarray(0, RECORDED_BYTES) });
    const dropped = dropRecord(AT, { length, bytes: bytes.subarray(0, DROPPED_BYTES) });
    const [of, other] = tunnel === 1 ? ["vni", "label"] as const : ["label", "vni"] as const;
    for (const record of [seen, dropped]) {
      assert.deepEqual(met(record, { [of]: [number] }), [of], name);
      assert.deepEqual(met(record, { [of]: [number + 1], [other]: [number] }), [], name);
    }
  }
  const nexthop = (flags: number, label: number, type: number = NH.TUNNEL): string[] =>
    met(
      decisionRecord(AT, DECIDED_NEXTHOP, {
        [NEXTHOP_ID]: 1,
        [NEXTHOP_TYPE]: type,
        [NEXTHOP_FLAGS]: flags,
        [ROUTE_LABEL]: label,
      }),
      ALL,
    );
  assert.deepEqual(nexthop(TUNNEL_FLAGS.MPLS_OVER_UDP | 1, 1000), ["label"]);
  assert.deepEqual(nexthop(TUNNEL_FLAGS.MPLS_OVER_GRE | 1, 1000), ["label"]);
  assert.deepEqual(nexthop(TUNNEL_FLAGS.VXLAN | 1, 5000), ["vni"]);
  assert.deepEqual(nexthop(TUNNEL_FLAGS.VXLAN | 1, 1000), []);
  assert.deepEqual(nexthop(TUNNEL_FLAGS.MPLS_OVER_UDP | 1, 1000, NH.ENCAP), []);
});

Deno.test("a drop meets them by what its packet is then", () => {
  const drop = (fields: Parameters<typeof dropRecord>[1], words: Record<number, number> = {}) =>
    met(dropRecord(AT, { ...fields, words }), ALL);
  assert.deepEqual(drop({ vif: 3, vrf: 2 }, { [NEXTHOP]: 21 }), ["vif", "vrf", "nh"]);
  assert.deepEqual(drop({}), []);
});

Deno.test("a packet at the device of a vif is at the vif if calls do not tell", () => {
  const seen = packetRecord(AT, { netns: NETNS, ifindex: 7 });
  assert.deepEqual(met(seen, ALL, false), ["vif", "vrf"]);
  assert.deepEqual(met(seen, ALL), []);
  assert.deepEqual(met(packetRecord(AT, { netns: VROUTER, ifindex: 7 }), ALL, false), []);
});

Deno.test("the kinds that must be met are those with values", () => {
  assert.equal(kindsOf(NONE), 0);
  assert.equal(kindsOf({ ...NONE, vif: [1], label: [2, 3] }), 0b01001);
});

Deno.test("interfaces are vifs, and devices of a namespace", () => {
  const isAt = chooseInterfaces([
    { netns: NETNS, ifindex: 7, vifIndex: 3 },
    { netns: NETNS, ifindex: 0, vifIndex: 5 },
    { netns: NETNS, ifindex: 30, vifIndex: null, shared: "gro" },
  ]);
  const at = (record: Parameters<typeof placeOf>[0]): boolean => isAt(placeOf(record));
  assert.ok(at([3, UNKNOWN]) && at([5, 1]) && !at([4, 3]));
  assert.ok(at(packetRecord(AT, { netns: NETNS, ifindex: 7 })));
  assert.ok(!at(packetRecord(AT, { netns: VROUTER, ifindex: 7 })));
  // Packets of other vifs cross it as well.
  assert.ok(!at(packetRecord(AT, { netns: NETNS, ifindex: 30 })));
  assert.ok(at(dropRecord(AT, { netns: NETNS, ifindex: 9, iif: 7 })));
  assert.ok(at(dropRecord(AT, { vif: 5 })));
  // Neither without a device.
  assert.ok(!at(packetRecord(AT, { netns: NETNS })));
});
