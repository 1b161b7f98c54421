import assert from "node:assert/strict";
import {
  ComparingView,
  type Comparison,
  type Side,
} from "../../../src/output/packets/comparison.ts";
import { diffText } from "../../../src/output/packets/diff.ts";
import { diffJson, pathJson } from "../../../src/output/packets/json.ts";
import { pathsText } from "../../../src/output/packets/paths.ts";
import type { Journey } from "../../../src/trace/journey.ts";
import { Paths } from "../../../src/trace/paths.ts";
import { drop, FLOW_ACTION_DROP } from "../../support/drops.ts";
import { faultsOf } from "../../support/json_schema.ts";
import { DECISIONS, ENCAP, journey, OUTCOMES } from "../../support/journeys.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/schema/packets.schema.json", import.meta.url)),
);

const ROUTE = {
  type: "route",
  vrf: 2,
  key: "10.1.1.7",
  prefix: "10.1.1.0/24",
  nexthop: ENCAP,
  label: null,
} as const;
const flow = (index: number, action: string) =>
  ({ type: "flow", index, reverse: null, action, result: null }) as const;

const FORWARDED: Partial<Journey> = {
  decisions: [flow(1, "F"), { type: "mtu", mtu: 1500, tooBig: false }, ROUTE],
};
const DROPPED: Partial<Journey> = {
  decisions: [flow(2, "D(SG)")],
  outcome: { type: "dropped", drop: drop({ reason: FLOW_ACTION_DROP, cause: "SG" }) },
};

function pathsOf(journeys: readonly Partial<Journey>[]): Paths {
  const paths = new Paths();
  journeys.forEach((one, index) => paths.add(journey({ number: index + 1, ...one })));
  return paths;
}

Deno.test("each path has its packets' number, share, times and outcome, and its decisions", () => {
  const paths = pathsOf([FORWARDED, FORWARDED, DROPPED]);
  assert.equal(
    pathsText(paths.groups(), paths.count),
    "packets  share      p50      p99      max  outcome\n" +
      "      2   67 %  18.2 µs  18.2 µs  18.2 µs  left bond0\n" +
      "   flow  Action:F\n" +
      "   route 10.1.1.0/24 > nh 24 Encap vif0/4 tapdd789d34-27  VRF 2\n" +
      "      1   33 %  18.2 µs  18.2 µs  18.2 µs  dropped: Flow Action Drop\n" +
      "   flow  Action:D(SG)\n",
  );
  assert.equal(pathsText([], 0), "");
});

Deno.test("JSON of paths and comparisons meets the schema, whatever the decisions and outcomes", () => {
  const journeys = [{ decisions: DECISIONS }, ...OUTCOMES.map((outcome) => ({ outcome }))];
  for (const group of pathsOf(journeys).groups()) {
    assert.deepEqual(faultsOf(JSON.parse(pathJson(group)), SCHEMA), []);
  }
  const found = compared(journeys, [...journeys].reverse().slice(3));
  assert.deepEqual(faultsOf(JSON.parse(diffJson(found)), SCHEMA), []);
  const parted = JSON.parse(diffJson(compared([FORWARDED], [DROPPED])));
  assert.deepEqual(faultsOf(parted, SCHEMA), []);
  assert.equal(parted.partings[0].branches.length, 2);
  assert.deepEqual(parted.groups.map(({ filter }: { filter: string }) => filter), ["tcp", "udp"]);
});

/** A comparison of packets that differ by their numbers: odd ones are of the first group. */
function compared(
  one: readonly Partial<Journey>[],
  other: readonly Partial<Journey>[],
  limit: number | null = null,
): Comparison & { readonly isSame: boolean; readonly isFull: boolean } {
  let found: Comparison | undefined;
  const sideOf = ({ vrf }: Journey): Side | null => vrf === 9 ? null : vrf === 1 ? 0 : 1;
  const view = new ComparingView(["tcp", "udp"], sideOf, (result) => found = result, limit);
  for (const packet of one) view.packet(journey({ ...packet, vrf: 1 }));
  for (const packet of other) view.packet(journey({ ...packet, vrf: 2 }));
  view.packet(journey({ vrf: 9 }));
  view.finish();
  return { ...found!, isSame: view.isSame, isFull: view.isFull };
}

Deno.test("groups part at the first step that differs, and each path is told once", () => {
  const found = compared([FORWARDED, FORWARDED, DROPPED], [DROPPED]);
  assert.equal(found.isSame, false);
  assert.equal(
    diffText(found),
    "   packets      p50      p99      max  filter\n" +
      "1        3  18.2 µs  18.2 µs  18.2 µs  tcp\n" +
      "2        1  18.2 µs  18.2 µs  18.2 µs  udp\n" +
      "\n" +
      "Here they part:\n" +
      "   in 1  in 2\n" +
      "      2     0  flow  Action:F\n" +
      "      1     1  flow  Action:D(SG)\n" +
      "\n" +
      "Both:\n" +
      "   1 and 1 packets  dropped: Flow Action Drop\n" +
      "      flow  Action:D(SG)\n" +
      "\n" +
      "Only 1:\n" +
      "   2 packets  left bond0\n" +
      "      flow  Action:F\n" +
      "      route 10.1.1.0/24 > nh 24 Encap vif0/4 tapdd789d34-27  VRF 2\n",
  );
});

Deno.test("the steps before the groups part are told, and an outcome may be what differs", () => {
  const delivered = { ...FORWARDED, outcome: OUTCOMES[2]! };
  assert.match(
    diffText(compared([FORWARDED], [delivered])),
    /The same:\n {3}flow {2}Action:F\n {3}route .*\n\nHere they part:\n.*\n +1 +0 {2}left bond0\n +0 +1 {2}delivered tapdd789d34-27\n/,
  );
});

Deno.test("groups that took the same ways are the same; a group without packets is not", () => {
  const same = compared([FORWARDED, DROPPED], [DROPPED, FORWARDED, FORWARDED]);
  assert.ok(same.isSame);
  assert.match(
    diffText(same),
    /\n\nAll packets took the same ways\n\nBoth:\n {3}1 and 2 packets {2}left/,
  );
  const none = compared([FORWARDED], []);
  assert.equal(none.isSame, false);
  assert.match(
    diffText(none),
    /\n2 +0 +udp\n\nNo packets of 2\n\nOnly 1:\n {3}1 packet {2}left bond0\n/,
  );
  assert.match(diffText(compared([], [])), /\n\nNo packets\n$/);
});

Deno.test("the limit is one of each group", () => {
  const found = compared([FORWARDED, FORWARDED, FORWARDED], [DROPPED], 2);
  assert.deepEqual(found.groups.map(({ count }) => count), [2, 1]);
  assert.equal(found.isFull, false);
  assert.ok(compared([FORWARDED, FORWARDED], [DROPPED, DROPPED], 2).isFull);
});

Deno.test("every decision has words as a step, none of which a terminal acts on", () => {
  const evil = "t\x1b[2J\n";
  const path = { decisions: [...DECISIONS, { type: "trap", vrf: 1, reason: evil } as const] };
  const text = diffText({ ...compared([path], [DROPPED]), names: [evil, evil] });
  assert.match(text, /^[\x20-\x7eµ\n]*$/);
  for (const decision of DECISIONS) {
    const found = diffText(compared([{ decisions: [decision] }], [DROPPED]));
    assert.match(found, / 1 +0 {2}\S/);
  }
});
