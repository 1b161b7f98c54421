import assert from "node:assert/strict";
import * as at from "../../src/probe/decision_record.ts";
import { DecisionList } from "../../src/trace/decision_list.ts";
import { DecisionReader } from "../../src/trace/decisions.ts";
import type { Decision } from "../../src/trace/journey.ts";
import { type Nexthop as ListedNexthop, NH } from "../../src/vrouter/nexthops.ts";
import {
  DECISION_WORDS,
  type DecisionFields,
  decisionRecord,
  ipv4,
  key,
  nexthop,
} from "../support/decision_records.ts";

const READER = new DecisionReader(DECISION_WORDS, (index) => ({ index, device: `tap${index}` }));
/** What the module listed of three nexthops; of 58 it was before that became another one. */
const LISTED: readonly ListedNexthop[] = [
  { ...nexthopListed(57, NH.TUNNEL), tunnel: { source: v4(1), destination: v4(2) }, oif: 0 },
  { ...nexthopListed(58, NH.TUNNEL), tunnel: { source: v4(3), destination: v4(4) }, oif: 9 },
  { ...nexthopListed(59, NH.TUNNEL), tunnel: { source: v6(1), destination: v6(2) }, oif: 0 },
];

function v4(last: number): Uint8Array {
  return Uint8Array.of(10, 0, 0, last);
}

function v6(last: number): Uint8Array {
  return Uint8Array.of(0xfd, ...new Array(14).fill(0), last);
}

function nexthopListed(id: number, type: number): ListedNexthop {
  return { id, type, flags: 1, family: 0, vrf: 0, oif: null, tunnel: null, members: [] };
}

Deno.test("what a record does not say of its nexthop is that of the module's list", () => {
  const reader = new DecisionReader(
    DECISION_WORDS,
    (index) => ({ index, device: null }),
    (id) => LISTED.find((one) => one.id === id),
  );
  const read = (fields: DecisionFields): unknown => {
    const decision = reader.read(decisionRecord(PLACE, at.DECIDED_NEXTHOP, fields))?.decision;
    return decision?.type === "nexthop" ? decision.nexthop : undefined;
  };
  const ends = { vif: { index: 0, device: null }, source: "10.0.0.1", destination: "10.0.0.2" };
  // Nothing but its id.
  assert.deepEqual(read({ [at.NEXTHOP_ID]: 57 }), words(57, "Tunnel", ends));
  assert.deepEqual(read({ [at.NEXTHOP_ID]: 60 }), words(60, "", { flags: [] }));
  // A record is of the moment: its own words win, and those of another nexthop are none.
  const own = { vif: 3, source: "10.9.9.1", destination: "10.9.9.2" };
  assert.deepEqual(
    read(nexthop(57, "Tunnel", own)),
    words(57, "Tunnel", {
      vif: { index: 3, device: null },
      source: "10.9.9.1",
      destination: "10.9.9.2",
    }),
  );
  assert.deepEqual(read(nexthop(58, "Encap", {})), words(58, "Encap"));
  // A record has no room for addresses of IPv6, and what is there means something else.
  const other = nexthop(59, "Tunnel", { vif: 0, source: "253.0.0.0", destination: "0.0.0.0" });
  assert.deepEqual(
    read(other),
    words(59, "Tunnel", { ...ends, source: "fd00::1", destination: "fd00::2" }),
  );
});

const PLACE = { slot: 1, generation: 1 };
const VRF = at.DECISION_VRF;

type Record = readonly [kind: number, ...fields: readonly DecisionFields[]];

/** The decisions that records make. */
function decisions(...records: readonly Record[]): readonly Decision[] {
  const list = new DecisionList();
  for (const [kind, ...fields] of records) {
    const read = READER.read(decisionRecord(PLACE, kind, Object.assign({}, ...fields)));
    if (read !== null) list.add(read);
  }
  return list.all;
}

/** A nexthop in the words of the reader. */
function words(id: number, type: string, known: object = {}): object {
  return { id, type, flags: ["Valid"], vif: null, source: null, destination: null, ...known };
}

Deno.test("a lookup in a bridge table has what it found, or nothing", () => {
  const mac = key([2, 0, 0, 0, 0, 9]);
  assert.deepEqual(
    decisions(
      [at.DECIDED_BRIDGE, { [VRF]: 3 }, mac, nexthop(12, "Encap", { vif: 7 }), {
        [at.ROUTE_LABEL]: 25,
        [at.ROUTE_LABEL_FLAGS]: 1,
      }],
      [at.DECIDED_BRIDGE, { [VRF]: 3 }, mac],
    ),
    [
      {
        type: "bridge",
        vrf: 3,
        key: "02:00:00:00:00:09",
        prefix: null,
        nexthop: words(12, "Encap", { vif: { index: 7, device: "tap7" } }),
        // Its flags do not say that it has one.
        label: null,
      },
      {
        type: "bridge",
        vrf: 3,
        key: "02:00:00:00:00:09",
        prefix: null,
        nexthop: null,
        label: null,
      },
    ],
  );
});

Deno.test("a lookup in a routing table has the prefix that won, and its label", () => {
  const route = (family: number, length: number, address: readonly number[]): DecisionFields => ({
    [VRF]: 2,
    [at.PREFIX_FAMILY]: family,
    [at.PREFIX_LENGTH]: length,
    ...key(address),
  });
  const six = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 9];
  const found = decisions(
    [at.DECIDED_PREFIX, route(2, 12, [10, 30, 4, 9]), nexthop(57, "Tunnel"), {
      [at.ROUTE_LABEL]: 99,
      [at.ROUTE_LABEL_FLAGS]: 1,
    }],
    [at.DECIDED_PREFIX, route(10, 64, six), nexthop(0, "Drop")],
    // Damaged, or a family that there is no word for.
    [at.DECIDED_PREFIX, route(2, 33, [10, 0, 0, 1]), nexthop(0, "Drop")],
    [at.DECIDED_PREFIX, route(7, 12, [10, 0, 0, 1]), nexthop(0, "Drop")],
  );
  assert.deepEqual(
    found.map((one) => one.type === "route" && [one.key, one.prefix, one.label, one.nexthop?.id]),
    [
      ["10.30.4.9", "10.16.0.0/12", 99, 57],
      ["2001:db8::9", "2001:db8::/64", null, 0],
      ["10.0.0.1", null, null, 0],
    ],
  );
});

Deno.test("nexthops that a lookup has named complete it; others stand for themselves", () => {
  const ends = { source: "10.0.0.1", destination: "10.0.0.2", flags: 0x41 };
  const found = decisions(
    [at.DECIDED_BRIDGE, { [VRF]: 2 }, key([2]), nexthop(5, "L2 Receive")],
    [at.DECIDED_NEXTHOP, { [VRF]: 2 }, nexthop(5, "L2 Receive")],
    [at.DECIDED_PREFIX, { [VRF]: 2, [at.PREFIX_FAMILY]: 2 }, nexthop(57, "Tunnel")],
    [at.DECIDED_NEXTHOP, { [VRF]: 2, [at.ROUTE_LABEL]: 25 }, nexthop(57, "Tunnel", ends)],
    [at.DECIDED_NEXTHOP, { [VRF]: 2 }, nexthop(9, "Encap", { vif: 4 })],
    // GRO, which asks again.
    [at.DECIDED_NEXTHOP, { [VRF]: 2 }, nexthop(9, "Encap", { vif: 4 })],
  );
  assert.deepEqual(found.map(({ type }) => type), ["bridge", "route", "nexthop"]);
  const [, route, last] = found;
  assert.ok(route?.type === "route" && last?.type === "nexthop");
  assert.deepEqual(
    route.nexthop,
    words(57, "Tunnel", {
      flags: ["Valid", "MPLSoUDP"],
      source: "10.0.0.1",
      destination: "10.0.0.2",
    }),
  );
  assert.equal(route.label, 25);
  assert.equal(last.nexthop.id, 9);
});

Deno.test("the metadata's label is that of the nexthop behind a label, and no route's", () => {
  const list = new DecisionList();
  const add = (kind: number, ...fields: DecisionFields[]): void => {
    list.add(READER.read(decisionRecord(PLACE, kind, Object.assign({}, ...fields)))!);
  };
  list.expect("vni");
  add(at.DECIDED_NEXTHOP, { [at.ROUTE_LABEL]: 5001 }, nexthop(55, "Vrf_Translate"));
  add(at.DECIDED_BRIDGE, key([2]), nexthop(12, "Encap"));
  add(at.DECIDED_NEXTHOP, { [at.ROUTE_LABEL]: 5001 }, nexthop(12, "Encap"));
  assert.deepEqual(list.all.map((one) => [one.type, "label" in one ? one.label : null]), [
    ["vni", null],
    ["bridge", null],
  ]);
  assert.ok(list.all[0]?.type === "vni" && list.all[0].number === 5001);
});

Deno.test("a VRF that differs from the one before is a decision", () => {
  const list = new DecisionList();
  list.enter(0);
  for (const vrf of [0, -1, 4, 4, 0xffff]) {
    const fields = { [VRF]: vrf, ...nexthop(1, "Encap") };
    list.add(READER.read(decisionRecord(PLACE, at.DECIDED_NEXTHOP, fields))!);
  }
  assert.deepEqual(list.all.filter(({ type }) => type === "vrf"), [{
    type: "vrf",
    from: 0,
    to: 4,
  }]);
  assert.equal(list.vrf, 4);
});

Deno.test("ECMP is the composite and the member that is taken", () => {
  const composite = nexthop(30, "Composite", { flags: 0x401 });
  const found = decisions(
    [at.DECIDED_PREFIX, { [at.PREFIX_FAMILY]: 2 }, nexthop(30, "Composite", { flags: 0x401 })],
    [at.DECIDED_NEXTHOP, composite],
    [at.DECIDED_NEXTHOP, { [at.ECMP_MEMBER]: 1 }, nexthop(58, "Tunnel")],
    [at.DECIDED_NEXTHOP, { [at.ECMP_MEMBER]: 1 }, nexthop(8, "Encap")],
  );
  assert.deepEqual(found.map(({ type }) => type), ["route", "ecmp", "nexthop", "nexthop"]);
  const [, ecmp, member] = found;
  assert.ok(ecmp?.type === "ecmp" && ecmp.member === 1 && ecmp.nexthop.id === 30);
  assert.ok(member?.type === "nexthop" && member.nexthop.id === 58);
});

Deno.test("what functions say of one flow is one decision, with the last word", () => {
  const flow = (index: number, action: number, result: number): Record => [at.DECIDED_FLOW, {
    [at.FLOW_INDEX]: index,
    [at.FLOW_ACTION]: action,
    [at.FLOW_REASON]: 17 + 6,
    [at.FLOW_FLAGS]: 0xa,
    [at.FLOW_RESULT]: result,
  }];
  assert.deepEqual(decisions(flow(7, 2, 1), flow(7, 2, -1), flow(9, 0, 2), flow(-1, 2, 1)), [
    { type: "flow", index: 7, reverse: null, action: "F", result: "FLOW_FORWARD" },
    { type: "flow", index: 9, reverse: null, action: "D(SG)", result: "FLOW_DROP" },
  ]);
});

Deno.test("NAT is the addresses and ports before and after", () => {
  const nat = (
    isAfter: number,
    version: number,
    protocol: number,
    from: DecisionFields,
  ): Record => [at.DECIDED_NAT, {
    [at.NAT_IS_AFTER]: isAfter,
    [at.NAT_VERSION]: version,
    [at.NAT_PROTOCOL]: protocol,
    // 40112 and 443, in the order of the header's bytes.
    [at.NAT_PORTS]: new Uint32Array(Uint8Array.from([0x9c, 0xb0, 1, 0xbb]).buffer)[0]!,
    [at.NAT_TO]: ipv4("10.2.0.9"),
    [at.NAT_TO + 1]: 0,
    [at.NAT_TO + 2]: 0,
    [at.NAT_TO + 3]: 0,
    ...from,
  }];
  const source = (address: string): DecisionFields => ({ [at.NAT_FROM]: ipv4(address) });
  assert.deepEqual(
    decisions(
      nat(0, 4, 6, source("10.1.1.5")),
      nat(1, 4, 6, source("192.0.2.7")),
      nat(0, 4, 1, source("10.1.1.5")),
      nat(1, 9, 1, source("10.1.1.5")),
      nat(0, 6, 17, { [at.NAT_FROM]: 0x20, [at.NAT_FROM + 1]: 0, [at.NAT_FROM + 2]: 0, 15: 0 }),
    ),
    [
      {
        type: "nat",
        before: "10.1.1.5:40112 > 10.2.0.9:443 tcp",
        after: "192.0.2.7:40112 > 10.2.0.9:443 tcp",
      },
      { type: "nat", before: "10.1.1.5 > 10.2.0.9 icmp", after: null },
      { type: "nat", before: "[2000::]:40112 > [a02:9::]:443 udp", after: null },
    ],
  );
});

Deno.test("the check of the source has what was expected; a composite's stands for its members'", () => {
  const source = (result: number, fields: DecisionFields): Record => [at.DECIDED_SOURCE, {
    ...fields,
    [at.SOURCE_RESULT]: result,
    [at.SOURCE_VIF]: 11,
    [at.OUTER_SOURCE]: ipv4("172.16.0.2"),
  }];
  const found = decisions(
    source(0, nexthop(12, "Encap")),
    source(0, nexthop(40, "Encap")),
    source(1, nexthop(41, "Encap")),
    source(2, nexthop(30, "Composite")),
  );
  assert.deepEqual(found, [{
    type: "rpf",
    result: "moved",
    expected: words(30, "Composite"),
    vif: 11,
    outerSource: "172.16.0.2",
  }]);
  assert.equal(
    decisions(source(0, nexthop(12, "Encap"))).map((one) => one.type === "rpf" && one.result)[0],
    "failed",
  );
});

Deno.test("a packet that is too big is a decision, and one that is not is none", () => {
  const fragment = (result: number, mtu: number): Record => [at.DECIDED_FRAGMENT, {
    [at.FRAGMENT_RESULT]: result,
    [at.FRAGMENT_MTU]: mtu,
  }];
  assert.deepEqual(decisions(fragment(0, 1500), fragment(1, 1450), fragment(1, -1)), [
    { type: "mtu", mtu: 1450, tooBig: true },
    { type: "mtu", mtu: null, tooBig: true },
  ]);
});

Deno.test("a trap has the VRF and the reason, by the number if it has no name", () => {
  const trap = (vrf: number, reason: number): Record => [at.DECIDED_TRAP, {
    [VRF]: vrf,
    [at.TRAP_REASON]: reason,
  }];
  assert.deepEqual(decisions(trap(2, 11), trap(-1, 77)), [
    { type: "trap", vrf: 2, reason: "HANDLE_DF" },
    { type: "trap", vrf: null, reason: "77" },
  ]);
});

Deno.test("the vif that a packet is given to is no decision, and says who has it", () => {
  const record = decisionRecord(PLACE, at.DECIDED_VIF, {
    [at.VIF_INDEX]: 1,
    [at.VIF_TYPE]: 0,
    [at.VIF_TO_HOST]: 1,
  });
  assert.equal(READER.read(record), null);
  assert.deepEqual(READER.chosenVif(record), { index: 1, type: "host", toHost: true });
  const unknown = decisionRecord(PLACE, at.DECIDED_VIF, { [at.VIF_INDEX]: 2, [at.VIF_TO_HOST]: 0 });
  assert.deepEqual(READER.chosenVif(unknown), { index: 2, type: null, toHost: false });
});
