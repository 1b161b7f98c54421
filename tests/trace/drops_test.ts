import assert from "node:assert/strict";
import * as record from "../../src/probe/packet_record.ts";
import { UNKNOWN } from "../../src/probe/layout.ts";
import type { Drop, DropReason } from "../../src/trace/drop.ts";
import { DropReader, type DropSources, type DropWords } from "../../src/trace/drops.ts";
import type { DropEvidence } from "../../src/vrouter/drop_causes.ts";
import { hex } from "../support/hex.ts";
import { feed } from "../support/call_records.ts";
import { type DropFields, dropRecord, feedWords } from "../support/packet_records.ts";

const reason = (number: number, name: string): DropReason => ({
  number,
  name,
  label: name.toLowerCase(),
  class: "lost",
});

const WORDS: DropWords = {
  vrouterReason: (number) => reason(number, "VP_DROP"),
  kernelReason: (number) => reason(number, "SKB_DROP_REASON"),
  cause: (_reason, { stack }) =>
    stack[0] === "vm_rx" ? null : {
      reason: "VP_DROP",
      words: `called by ${stack[0]}`,
      meaning: "",
      hints: [],
      ...(stack[0] === "vr_bridge_input" ? { class: "housekeeping" } : {}),
    },
  flowAction: ({ action, dropReason, flags }) => `${action}(${dropReason}) ${flags}`,
  nexthopType: (type) => `type ${type}`,
};

const KALLSYMS = new TextEncoder().encode([
  "ffffffff81000100 T kfree_skb_reason",
  "ffffffff81000200 t __udp4_lib_rcv.isra.0",
  "ffffffff81000300 T ip_rcv",
  "ffffffffc0000100 t lh_pfree\t[vrouter]",
  "ffffffffc0000200 t nh_discard\t[vrouter]",
  "ffffffffc0000300 t vr_bridge_input\t[vrouter]",
  "ffffffffc0000400 t vm_rx\t[vrouter]",
  "ffffffffc0000500 t linux_gso_xmit\t[vrouter]",
  "ffffffffc0000600 t linux_xmit\t[vrouter]",
  "ffffffffc0000700 t vr_flow_lookup\t[vrouter]",
  "",
].join("\n"));

const SOURCES: DropSources = {
  words: WORDS,
  offsets: {
    nh_type: { offset: 0, bytes: 1 },
    fe_action: { offset: 0, bytes: 1 },
    fe_drop_reason: { offset: 0, bytes: 2 },
    fe_flags: { offset: 0, bytes: 2 },
    rtr_family: { offset: 0, bytes: 4 },
    rtr_prefix_len: { offset: 0, bytes: 1 },
  },
  vifs: () => [
    { index: 0, device: "eth0", ifindex: 3, vrf: 0 },
    { index: 4, device: "tap4", ifindex: 7, vrf: 2 },
  ],
  vrouterNetns: 40,
  device: (netns, ifindex) => netns === 40 ? `dev${ifindex}` : null,
  kallsyms: () => KALLSYMS,
};

/** From 10.1.1.5 to 10.1.1.6. */
const FRAME = hex("020000000002020000000001080045000054000040004001" + "0000" + "0a0101050a010106");

/** The drop that a record with these fields tells of. */
function drop(fields: DropFields, sources = SOURCES): Drop {
  const drops: Drop[] = [];
  const reader = new DropReader(sources, (one) => drops.push(one));
  const place = { slot: 1, generation: 1, cpu: 3, time: 5000 };
  feedWords(reader, dropRecord(place, { bytes: FRAME, ...fields }));
  assert.equal(reader.damaged, 0);
  assert.equal(drops.length, 1);
  return drops[0]!;
}

const VROUTER_STACK = [
  0xffffffffc0000100n,
  0xffffffffc0000210n,
  0xffffffffc0000310n,
  0xffffffffc0000400n,
];

/** Of a drop in the lookup of a flow. */
const LOOKUP_STACK = [0xffffffffc0000100n, 0xffffffffc0000710n];

Deno.test("a drop of vrouter has the vif that is charged, and the functions that led to lh_pfree", () => {
  const { bytes, ...rest } = drop({
    reason: 1,
    vif: 4,
    vrf: 9,
    ifindex: 7,
    netns: 40,
    length: 98,
    stack: VROUTER_STACK,
  });
  assert.deepEqual(bytes, FRAME);
  assert.deepEqual(rest, {
    time: 5000n,
    cpu: 3,
    source: "vrouter",
    reason: reason(1, "VP_DROP"),
    cause: "called by nh_discard",
    vif: { index: 4, device: "tap4" },
    direction: "receive",
    vrf: 9,
    device: "dev7",
    length: 98,
    flow: null,
    route: null,
    nexthop: null,
    // A return address behind a call at the very end of a function belongs to that one.
    stack: ["nh_discard", "vr_bridge_input", "vr_bridge_input"],
  });
});

Deno.test("programs of tracers on the way are left out, and a function that has one is there once", () => {
  const [program, trampoline] = [0xffffffffc0800000n, 0xffffffffc0800100n];
  const kallsyms = new TextEncoder().encode([
    new TextDecoder().decode(KALLSYMS).trimEnd(),
    "ffffffffc0800000 t bpf_prog_158afae25575462d_F\t[bpf]",
    "ffffffffc0800100 t bpf_trampoline_27917394885\t[bpf]",
    "",
  ].join("\n"));
  const stack = [
    program + 8n,
    trampoline + 8n,
    0xffffffffc0000105n,
    0xffffffffc0000210n,
    trampoline + 16n,
    0xffffffffc0000310n,
    trampoline + 24n,
    0xffffffffc0000305n,
    0xffffffffc0000410n,
  ];
  assert.deepEqual(
    drop({ reason: 1, stack }, { ...SOURCES, kallsyms: () => kallsyms }).stack,
    ["nh_discard", "vr_bridge_input", "vm_rx"],
  );
});

Deno.test("where return probes hide what called kfree_skb, the stack tells", () => {
  const location = 0xffffffff80000e80n;
  const kallsyms = new TextEncoder().encode([
    "ffffffff80000e60 T trace_clock_x86_tsc",
    "ffffffff80000e80 T arch_rethook_trampoline",
    "ffffffff80000f00 T __traceiter_kfree_skb",
    new TextDecoder().decode(KALLSYMS),
  ].join("\n"));
  const sources = { ...SOURCES, kallsyms: () => kallsyms };
  const stack = [
    0xffffffffc0900000n,
    0xffffffff80000f10n,
    0xffffffff81000110n,
    0xffffffff81000210n,
    0xffffffff81000310n,
  ];
  const fields = { source: record.SOURCE_KERNEL, reason: 3, location };
  assert.deepEqual(drop({ ...fields, stack }, sources).stack, ["__udp4_lib_rcv", "ip_rcv"]);
  // Better none than a wrong one.
  assert.deepEqual(drop({ ...fields, stack: stack.slice(3) }, sources).stack, []);
});

Deno.test("a drop of the kernel begins where it called kfree_skb, and has the vif of its first device", () => {
  const stack = [
    0xffffffffc0900000n,
    0xffffffff81000110n,
    0xffffffff81000210n,
    0xffffffff81000310n,
  ];
  const where = { netns: 40, ifindex: 3, iif: 7, length: 98 };
  const fields = { source: record.SOURCE_KERNEL, reason: 3, ...where, stack };
  const one = drop({ ...fields, location: 0xffffffff81000210n });
  assert.deepEqual(one.stack, ["__udp4_lib_rcv", "ip_rcv"]);
  assert.deepEqual(one.reason, reason(3, "SKB_DROP_REASON"));
  assert.equal(one.cause, null);
  assert.deepEqual([one.vif, one.vrf], [{ index: 4, device: "tap4" }, 2]);
  assert.equal(one.direction, "receive");
  // Of a tail call the stack does not have the location.
  assert.deepEqual(drop({ ...fields, location: 0xffffffff81000305n }).stack, ["ip_rcv"]);
  assert.equal(drop({ ...fields, reason: -1 }).reason.number, -1);
  const elsewhere = drop({ ...fields, netns: 41 });
  assert.deepEqual([elsewhere.vif, elsewhere.vrf, elsewhere.device], [null, null, null]);
  assert.deepEqual(drop({ ...fields, iif: 0 }).vif, { index: 0, device: "eth0" });
});

Deno.test("what vrouter frees after cutting it into segments is lost only if that failed", () => {
  const location = 0xffffffffc0000510n;
  const freed = (segmentation: number, at = location): Drop =>
    drop({
      source: record.SOURCE_KERNEL,
      reason: 3,
      location: at,
      length: 3000,
      stack: [at, 0xffffffffc0000410n],
      words: { [record.DROP_CAPTURED]: segmentation << record.SEGMENTATION_SHIFT | FRAME.length },
    });
  const segmented = freed(record.SEGMENTED);
  assert.deepEqual([segmented.reason.class, segmented.cause], [
    "housekeeping",
    "its segments go on",
  ]);
  for (
    const [segmentation, stack] of [
      [record.SEGMENTATION_UNKNOWN, ["linux_gso_xmit", "vm_rx"]],
      [record.SEGMENTATION_FAILED, ["linux_gso_xmit", "vm_rx"]],
      // It is a segment: the function that frees these has become a part of the other.
      [record.SEGMENTATION_OTHER, ["linux_xmit_segments", "linux_gso_xmit", "vm_rx"]],
    ] as const
  ) {
    const lost = freed(segmentation);
    assert.deepEqual([lost.reason.class, lost.cause, lost.stack], ["lost", null, stack]);
  }
  // The address may be that of a later packet.
  const later = freed(record.SEGMENTED, 0xffffffffc0000610n);
  assert.deepEqual([later.reason.class, later.stack[0]], ["lost", "linux_xmit"]);
  assert.equal(later.direction, "transmit");
});

Deno.test("a packet of the kernel's without bytes is no loss", () => {
  const { reason } = drop({ source: record.SOURCE_KERNEL, reason: 3, length: 0 });
  assert.equal(reason.class, "housekeeping");
});

Deno.test("of what is read beside a small field, only the field counts", () => {
  const { flow, nexthop } = drop({
    flow: 184224,
    words: {
      [record.FLOW_REVERSE]: 512,
      [record.FLOW_ACTION]: 0xabcdef00,
      [record.FLOW_REASON]: 0xabcd0017,
      [record.FLOW_FLAGS]: 0x12342002,
      [record.NEXTHOP]: 12,
      [record.NEXTHOP_TYPE]: 0x12345605,
      [record.NEXTHOP_REACH]: 0xc0000200,
      [record.NEXTHOP_REACH + 1]: 0xffffffff,
    },
  });
  assert.deepEqual(flow, { index: 184224, reverse: 512, action: "0(23) 8194" });
  assert.deepEqual(nexthop, { id: 12, type: "type 5", reach: "nh_discard" });
  const oldest = { ...SOURCES, offsets: {} };
  const unknown = drop({ flow: 7, words: { [record.FLOW_REVERSE]: UNKNOWN } }, oldest).flow;
  assert.deepEqual(unknown, { index: 7, reverse: null, action: "null(null) null" });
});

Deno.test("a cause may be of another class, and a flow whose entry was not acted upon is on hold", () => {
  const one = drop({ reason: 37, stack: [0xffffffffc0000310n] });
  assert.equal(one.cause, "called by vr_bridge_input");
  assert.equal(one.reason.class, "housekeeping");
  const unread = {
    [record.FLOW_REVERSE]: UNKNOWN,
    [record.FLOW_ACTION]: UNKNOWN,
    [record.FLOW_REASON]: UNKNOWN,
    [record.FLOW_FLAGS]: UNKNOWN,
  };
  const { flow } = drop({ flow: 7, words: unread, stack: LOOKUP_STACK });
  assert.deepEqual(flow, { index: 7, reverse: null, action: "1(null) null" });
  // The index of a packet that was not looked up is whatever was on the stack.
  assert.equal(drop({ flow: 7, words: unread }).flow, null);
  const oldest = drop({ flow: 7, words: unread }, { ...SOURCES, offsets: {} });
  assert.deepEqual(oldest.flow, { index: 7, reverse: null, action: "null(null) null" });
});

Deno.test("the evidence for a cause has what is known, and nothing that is not", () => {
  const evidenceOf = (fields: DropFields, sources = SOURCES): DropEvidence => {
    let seen: DropEvidence | undefined;
    const cause: DropWords["cause"] = (_reason, evidence) => {
      seen = evidence;
      return null;
    };
    drop(fields, { ...sources, words: { ...WORDS, cause } });
    return seen!;
  };
  const unknown = { stack: [], flow: null, laterFragment: false, ipv6: false, nexthop: null };
  assert.deepEqual(evidenceOf({ stack: [] }), unknown);
  const noFlow = { [record.DROP_CAPTURED]: FRAME.length | 1 << record.NO_FLOW_SHIFT };
  assert.equal(evidenceOf({ words: noFlow, stack: LOOKUP_STACK }).flow, false);
  assert.equal(evidenceOf({ words: noFlow }).flow, null);
  assert.equal(evidenceOf({ flow: 7 }).flow, true);
  const nexthop = { words: { [record.NEXTHOP]: 12, [record.NEXTHOP_TYPE]: 5 } };
  assert.equal(evidenceOf(nexthop).nexthop, "type 5");
  assert.equal(evidenceOf(nexthop, { ...SOURCES, offsets: {} }).nexthop, null);
  // The second fragment.
  const fragment = FRAME.slice();
  fragment[21] = 0xb9;
  fragment[20] = 0;
  assert.equal(evidenceOf({ bytes: fragment }).laterFragment, true);
  const { laterFragment, ipv6 } = evidenceOf({ bytes: FRAME.slice(0, 14) });
  assert.deepEqual([laterFragment, ipv6], [null, null]);
});

Deno.test("a route is that of the packet only if its key is the packet's destination", () => {
  const prefix = (key: string, length: number, family = 2): Drop["route"] =>
    drop({
      words: {
        [record.ROUTE_KIND]: record.ROUTE_PREFIX,
        [record.ROUTE_VRF]: 2,
        [record.ROUTE_LENGTH]: 0xffffff00 | length,
        [record.ROUTE_FAMILY]: family,
        [record.ROUTE_NEXTHOP]: 0,
        [record.ROUTE_TYPE]: 5,
        ...key4(key),
      },
    }).route;
  const nexthop = { id: 0, type: "type 5", reach: null };
  assert.deepEqual(prefix("0a010106", 16), { vrf: 2, key: "10.1.0.0/16", nexthop });
  assert.deepEqual(prefix("0a010106", 0), { vrf: 2, key: "0.0.0.0/0", nexthop });
  assert.deepEqual(prefix("0a010106", 32), { vrf: 2, key: "10.1.1.6/32", nexthop });
  assert.deepEqual(prefix("0a010106", 31), { vrf: 2, key: "10.1.1.6/31", nexthop });
  assert.equal(prefix("0a010105", 16), null);
  assert.equal(prefix("0a010106", 33), null);
  assert.equal(prefix("0a010106", 16, 7), null);

  const mac = (key: string, id: number, vrf = 2): Drop["route"] =>
    drop({
      words: {
        [record.ROUTE_KIND]: record.ROUTE_BRIDGE,
        [record.ROUTE_VRF]: vrf,
        [record.ROUTE_NEXTHOP]: id,
        [record.ROUTE_TYPE]: 2,
        ...key4(key),
      },
    }).route;
  const encap = { id: 21, type: "type 2", reach: null };
  assert.deepEqual(mac("020000000002", 21), { vrf: 2, key: "02:00:00:00:00:02", nexthop: encap });
  assert.deepEqual(mac("020000000002", UNKNOWN), { vrf: 2, key: null, nexthop: null });
  assert.equal(mac("020000000001", 21), null);
  assert.equal(mac("020000000002", 21, UNKNOWN), null);
});

function key4(key: string): Record<number, number> {
  const bytes = new Uint8Array(16);
  bytes.set(hex(key));
  return Object.fromEntries([...new Uint32Array(bytes.buffer)].map((word, index) => [
    record.ROUTE_KEY + index,
    word,
  ]));
}

Deno.test("records that are cut off or say too much are counted, other records are not", () => {
  const reader = new DropReader(SOURCES, () => assert.fail("A drop"));
  const place = { slot: 1, generation: 1 };
  const words = dropRecord(place, {});
  reader.record(words, 0, record.DROP_BYTES - 24);
  words[record.DROP_CAPTURED] = 200;
  feedWords(reader, words);
  assert.equal(reader.damaged, 2);
  feed(reader, { kind: "entry", task: 1, cpu: 0, frame: 8, fn: 0 });
  assert.equal(reader.damaged, 2);
});
