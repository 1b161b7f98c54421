import assert from "node:assert/strict";
import { cellsOf } from "../../../src/output/cells.ts";
import { packetLines, type PacketStyle } from "../../../src/output/packets/lines.ts";
import type { Journey } from "../../../src/trace/journey.ts";
import { drop } from "../../support/drops.ts";
import {
  DECISIONS,
  ENCAP,
  journey,
  nexthop,
  OUTCOMES,
  TUNNELLED,
  TUNNELLED6,
} from "../../support/journeys.ts";

const STYLE: PacketStyle = {
  colour: false,
  width: 100,
  time: () => "14:03:07.412",
  hints: null,
};

function linesOf(known: Partial<Journey>, style: Partial<PacketStyle> = {}): string[] {
  return packetLines(journey(known), { ...STYLE, ...style });
}

Deno.test("a packet is a line, and below it stand its decisions with the time of each stage", () => {
  assert.deepEqual(linesOf({}), [
    "#17  10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes               18.2 µs  left bond0",
    "   14:03:07.412  vif0/4 tapdd789d34-27  VRF 2                               rx 2.1 µs",
    "   flow 184224<=>512  Action:F                                              flow 1.0 µs",
    "   L2 02:ae:00:00:00:07 > nh 57 Tunnel MPLSoUDP 10.0.0.1 > 10.0.0.2  label 25  nexthop 3.2 µs",
    "   vif0/0 bond0                                                             encap 1.9 µs, tx 10.0 µs",
  ]);
});

Deno.test("a terminal of 80 columns has them in as few lines as there is room for", () => {
  assert.deepEqual(linesOf({}, { width: 80 }), [
    "#17  10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes  18.2 µs  left bond0",
    "   14:03:07.412  vif0/4 tapdd789d34-27  VRF 2           rx 2.1 µs",
    "   flow 184224<=>512  Action:F                          flow 1.0 µs",
    "   L2 02:ae:00:00:00:07 > nh 57 Tunnel MPLSoUDP 10.0.0.1 > 10.0.0.2  label 25",
    "                                                        nexthop 3.2 µs",
    "   vif0/0 bond0                                         encap 1.9 µs, tx 10.0 µs",
  ]);
});

Deno.test("a packet in a tunnel is broken before the inner one where it is too long", () => {
  const one = { ...TUNNELLED6, stages: [], decisions: [] };
  assert.deepEqual(linesOf(one, { width: 80 }).slice(0, 3), [
    "#17  10.0.0.2 > 10.0.0.1 VXLAN VNI 5001",
    "   | 2001:db8::5 > 2001:db8::6 tcp 40112 > 443 S",
    "                                                0.0 µs  left bond0",
  ]);
  assert.deepEqual(linesOf({ ...one, ...TUNNELLED }, { width: 80 }).slice(0, 2), [
    "#17  10.0.0.2 > 10.0.0.1 MPLSoUDP label 31 | 10.1.1.6 > 10.1.1.5 icmp echo reply",
    "                                                0.0 µs  left bond0",
  ]);
});

Deno.test("no outcome and no decision makes a line wider than the terminal", () => {
  for (const width of [80, 100, 132]) {
    for (const outcome of OUTCOMES) {
      for (const line of linesOf({ outcome, ...TUNNELLED6 }, { width })) {
        assert.ok(cellsOf(line) <= width, line);
      }
    }
    for (const decision of DECISIONS) {
      // Translations of addresses have no place to be broken at.
      if (decision.type === "nat") continue;
      for (const line of linesOf({ decisions: [decision] }, { width })) {
        assert.ok(cellsOf(line) <= width, line);
      }
    }
  }
});

Deno.test("each outcome has its own words", () => {
  const words = OUTCOMES.map((outcome) => linesOf({ outcome })[0]!.replace(/.* µs {2}/, ""));
  assert.deepEqual(words, [
    "left bond0",
    "left",
    "delivered tapdd789d34-27",
    "delivered to the host",
    "delivered to the agent",
    "dropped: Discards",
    "dropped: Flow Action Drop: SG",
    "trapped: FLOW_MISS",
    "trapped: HANDLE_DF",
    "held",
    "evicted while held",
    "replicated: 1 copy",
    "replicated: 3 copies",
    "consumed by GRO",
    "consumed",
    "still inside",
    "lost from sight",
  ]);
});

Deno.test("each decision has the words of the utilities, and what is in order has none", () => {
  const lines = DECISIONS.flatMap((decision) =>
    linesOf({ decisions: [decision], stages: [] }).slice(2, -1)
  );
  assert.deepEqual(lines.map((line) => line.trim()), [
    "L2 02:ae:00:00:00:07 > nh 24 Encap vif0/4 tapdd789d34-27",
    "no L2 route to 02:ae:00:00:00:08",
    "route 10.30.0.0/16 > nh 0 Drop  VRF 3",
    "no route to 2001:db8::9",
    "label 31 > nh 24 Encap vif0/4 tapdd789d34-27",
    "label 1048575 > no nexthop",
    "VNI 5001 > nh 9 Vrf_Translate",
    "nh 58 Tunnel Vxlan 10.0.0.1 > 10.0.0.3  VNI 5001",
    "flow 184224<=>512  Action:D(SG)",
    "flow 7  Action:F  FLOW_TRAP",
    "flow 7  Action:H",
    "NAT 10.1.1.5:40112 > 192.0.2.9:443 tcp  becomes 198.51.100.7:40112 > 192.0.2.9:443 tcp",
    "NAT ?  becomes ?",
    "RPF failed: expected nh 24 Encap vif0/4 tapdd789d34-27, not vif0/5",
    "RPF moved: expected nh 57 Tunnel MPLSoUDP 10.0.0.1 > 10.0.0.2, not 10.0.0.9",
    "ECMP nh 30 Composite Ecmp  member 1",
    "VRF 2 > VRF 5",
    "to VRF 5",
    "too big for MTU 1450",
    "too big",
    "trap HANDLE_DF",
  ]);
});

Deno.test("a lookup names its VRF where that is not the packet's", () => {
  const lookup = (vrf: number) =>
    ({
      type: "route",
      vrf,
      key: "10.1.1.7",
      prefix: "10.1.0.0/16",
      nexthop: ENCAP,
      label: null,
    }) as const;
  const decisions = [lookup(2), { type: "vrf", from: 2, to: 5 }, lookup(5), lookup(2)] as const;
  const lines = linesOf({ decisions, stages: [] }).slice(2, -1);
  assert.deepEqual(lines.map((line) => /VRF 2 >|VRF \d$/.exec(line)?.[0] ?? ""), [
    "",
    "VRF 2 >",
    "",
    "VRF 2",
  ]);
});

Deno.test("waits stand in brackets, and every stage of some time is somewhere", () => {
  const stages = [
    { name: "rx", duration: 2_100 },
    { name: "rps-queue", duration: 40_100 },
    { name: "gro", duration: 0 },
    { name: "flow", duration: 1_000 },
    { name: "hold", duration: 2_100_000_000 },
    { name: "nexthop", duration: 3_000 },
    { name: "encap", duration: 200 },
    { name: "tx", duration: 3_000 },
    { name: "qdisc", duration: 20_000_000 },
  ] as const;
  for (const decisions of [journey().decisions, []]) {
    for (const outcome of OUTCOMES) {
      const found = linesOf({ stages, decisions, outcome }).slice(1).join("\n")
        .match(/\[?(?:rx|rps-queue|gro|flow|hold|nexthop|encap|tx|qdisc) [\d.]+ [µm]?s\]?/g);
      assert.deepEqual(found, [
        "rx 2.1 µs",
        "[rps-queue 40.1 µs]",
        "flow 1.0 µs",
        "[hold 2.1 s]",
        "nexthop 3.0 µs",
        "encap 0.2 µs",
        "tx 3.0 µs",
        "[qdisc 20.0 ms]",
      ]);
    }
  }
});

Deno.test("a stage that a packet is in twice is told once, with both its times", () => {
  const stages = [
    { name: "tx", duration: 30_000 },
    { name: "qdisc", duration: 9_000 },
    { name: "tx", duration: 12_000 },
  ] as const;
  const text = linesOf({ stages }).slice(-2).join("\n");
  assert.match(text, /bond0 +tx 42\.0 µs\n +\[qdisc 9\.0 µs\]$/);
});

Deno.test("a copy names its original, if that was seen", () => {
  assert.match(linesOf({ parent: 5, parentNumber: 16 })[0]!, /^#17 {2}copy of #16 {2}10\.1\.1\.5 /);
  assert.match(linesOf({ parent: 5, parentNumber: null })[0]!, /^#17 {2}copy {2}10\.1\.1\.5 /);
});

Deno.test("a packet of which events were lost says so", () => {
  assert.match(linesOf({ isIncomplete: true })[0]!, / left bond0 \(events lost\)$/);
});

Deno.test("a drop has the line that vrft drops has, without what the decisions have told", () => {
  const one = drop({
    flow: { index: 5, reverse: null, action: "F" },
    route: { vrf: 2, key: "10.30.0.0/16", nexthop: { id: 0, type: "Drop", reach: null } },
    nexthop: { id: 0, type: "Drop", reach: "nh_discard" },
    cause: "route of nh 0",
    stack: ["nh_discard", "nh_output"],
  });
  const outcome = { type: "dropped", drop: one } as const;
  assert.equal(
    linesOf({ outcome, decisions: [], stages: [] }).at(-1),
    "   flow 5 Action:F  route 10.30.0.0/16 > nh 0 Drop  route of nh 0  at nh_discard < nh_output",
  );
  const decisions = [
    { type: "flow", index: 5, reverse: null, action: "F", result: null },
    {
      type: "route",
      vrf: 2,
      key: "10.30.0.9",
      prefix: "10.30.0.0/16",
      nexthop: nexthop(0, "Drop"),
      label: null,
    },
  ] as const;
  assert.equal(
    linesOf({ outcome, decisions, stages: [] }).at(-1),
    "   route of nh 0  at nh_discard < nh_output",
  );
  const hints = (): string[] => ["flow --get 5"];
  assert.equal(linesOf({ outcome, decisions, stages: [] }, { hints }).at(-1), "   flow --get 5");
});

Deno.test("times take the unit in which they are short", () => {
  const times: [number, string][] = [
    [0, "0.0 µs"],
    [49, "0.0 µs"],
    [999_949, "999.9 µs"],
    [999_950, "1.0 ms"],
    [1_260_000, "1.3 ms"],
    [999_949_999, "999.9 ms"],
    [999_950_000, "1.0 s"],
    [75e9, "75.0 s"],
  ];
  for (const [duration, text] of times) {
    const [first] = linesOf({ stages: [{ name: "rx", duration }] });
    assert.equal(/([\d.]+ \S+) {2}left bond0$/.exec(first!)?.[1], text);
  }
});

Deno.test("no name reaches the terminal as it is, and colours are all that is added", () => {
  const evil = "t\x1b[2J\n\u202e";
  const vif = { index: 1, device: evil };
  const nh = nexthop(1, evil, { flags: [evil], vif });
  const known: Partial<Journey>[] = [
    { vif, device: evil, outcome: { type: "left", vif, device: evil } },
    { vif: null, device: evil, outcome: { type: "delivered", to: "tap", vif: null, device: evil } },
    { outcome: { type: "trapped", reason: evil, answer: evil } },
    { outcome: { type: "dropped", drop: drop({ cause: evil, stack: [evil] }) } },
    {
      decisions: [
        { type: "bridge", vrf: 1, key: evil, prefix: null, nexthop: nh, label: 1 },
        { type: "route", vrf: 1, key: evil, prefix: evil, nexthop: null, label: null },
        { type: "flow", index: 1, reverse: 1, action: evil, result: evil },
        { type: "nat", before: evil, after: evil },
        { type: "rpf", result: "failed", expected: nh, vif: 1, outerSource: evil },
        { type: "trap", vrf: 1, reason: evil },
      ],
    },
  ];
  for (const one of known) {
    const [plain, coloured] = [false, true].map((colour) =>
      linesOf(one, { colour, hints: () => [evil] }).join("\n")
    );
    assert.match(plain!, /^[\x20-\x7eµ\n]*$/);
    assert.notEqual(coloured, plain);
    // deno-lint-ignore no-control-regex -- those of the colours
    assert.equal(coloured!.replaceAll(/\x1b\[(?:\d+)?m/g, ""), plain);
  }
});
