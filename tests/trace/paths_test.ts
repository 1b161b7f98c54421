import assert from "node:assert/strict";
import type { Decision, Journey } from "../../src/trace/journey.ts";
import { comparePaths } from "../../src/trace/path_diff.ts";
import { type PathGroup, Paths, pathSteps } from "../../src/trace/paths.ts";
import { DECISIONS, journey, nexthop, OUTCOMES, TAP, TUNNEL } from "../support/journeys.ts";

function grouped(...journeys: readonly Journey[]): Paths {
  const paths = new Paths();
  for (const one of journeys) paths.add(one);
  return paths;
}

const FLOW: Decision = { type: "flow", index: 1, reverse: 2, action: "F", result: "FLOW_FORWARD" };
const ROUTE: Decision = {
  type: "route",
  vrf: 2,
  key: "10.30.0.9",
  prefix: "10.30.0.0/16",
  nexthop: TUNNEL,
  label: 25,
};

Deno.test("Paths puts packets together that differ in who they are alone", () => {
  const paths = grouped(
    journey({ decisions: [FLOW, ROUTE] }),
    journey({
      id: 9,
      number: 2,
      begin: 5n,
      stages: [{ name: "rx", duration: 100 }],
      decisions: [{ ...FLOW, index: 77, reverse: null }, { ...ROUTE, key: "10.30.4.4" }],
    }),
  );
  const [group, ...others] = paths.groups();
  assert.deepEqual(others, []);
  assert.equal(group?.count, 2);
  assert.equal(group.times.max, 18_201);
  assert.equal(group.example.number, 17);
  assert.deepEqual(group.steps.map(({ decision }) => decision?.type), ["flow", "route", undefined]);
});

Deno.test("Paths tells every decision and every outcome from the others", () => {
  const keys = [
    ...DECISIONS.map((decision) => pathSteps(journey({ decisions: [decision] }))[0]!.key),
    ...OUTCOMES.map((outcome) => pathSteps(journey({ decisions: [], outcome }))[0]!.key),
  ];
  const same = keys.filter((key, at) => keys.indexOf(key) < at);
  // Which addresses are translated makes no other way.
  assert.deepEqual(same, ['["nat"]']);
});

Deno.test("Paths has the most frequent way first, or the rarest", () => {
  const paths = grouped(
    journey({ decisions: [FLOW] }),
    journey({ decisions: [ROUTE] }),
    journey({ decisions: [ROUTE] }),
  );
  assert.deepEqual(paths.groups().map(({ count }) => count), [2, 1]);
  assert.deepEqual(paths.groups("rare").map(({ count }) => count), [1, 2]);
  assert.equal(paths.count, 3);
});

Deno.test("Paths counts packets of further ways than it keeps", () => {
  const paths = new Paths(2);
  for (const vrf of [1, 2, 3, 3, 1]) paths.add(journey({ decisions: [{ ...ROUTE, vrf }] }));
  assert.deepEqual(paths.groups().map(({ count }) => count), [2, 1]);
  assert.deepEqual([paths.count, paths.leftOut], [3, 2]);
});

const DELIVERED = { type: "delivered", to: "tap", vif: TAP, device: TAP.device } as const;

function compare(left: readonly Journey[], right: readonly Journey[]): string[] {
  const groups = (journeys: readonly Journey[]): PathGroup[] => grouped(...journeys).groups();
  const { common, partings, both, onlyLeft, onlyRight } = comparePaths(groups(left), groups(right));
  const words = ({ decision }: { decision: Decision | null }): string =>
    decision?.type ?? "outcome";
  return [
    `common: ${common.map(words).join()}`,
    ...partings.map((one) =>
      `after ${one.common.map(words).join()}: ${
        one.branches.map((branch) => `${words(branch.step)} ${branch.left}:${branch.right}`).join()
      }`
    ),
    `${both.length} both, ${onlyLeft.length} left, ${onlyRight.length} right`,
  ];
}

Deno.test("comparePaths finds nothing where two groups take the same ways", () => {
  const ways = [journey({ decisions: [FLOW] }), journey({ decisions: [FLOW, ROUTE] })];
  assert.deepEqual(compare(ways, ways), ["common: flow", "2 both, 0 left, 0 right"]);
  assert.deepEqual(compare([], []), ["common: ", "0 both, 0 left, 0 right"]);
});

Deno.test("comparePaths finds the first decision that differs", () => {
  const good = journey({ decisions: [FLOW, ROUTE], outcome: DELIVERED });
  const bad = journey({
    decisions: [FLOW, { ...ROUTE, prefix: "0.0.0.0/0", nexthop: nexthop(0, "Drop"), label: null }],
    outcome: OUTCOMES[5]!,
  });
  assert.deepEqual(compare([good, good, good], [bad, bad]), [
    "common: flow",
    "after flow: route 3:0,route 0:2",
    "0 both, 1 left, 1 right",
  ]);
});

Deno.test("comparePaths tells which group has a way alone, beside those that both have", () => {
  const usual = journey({ decisions: [FLOW, ROUTE], outcome: DELIVERED });
  const held = journey({ decisions: [{ ...FLOW, action: "H" }, FLOW, ROUTE], outcome: DELIVERED });
  const lost = journey({ decisions: [FLOW, ROUTE, DECISIONS[0]!], outcome: OUTCOMES[5]! });
  assert.deepEqual(compare([usual, usual, held], [usual, lost]), [
    "common: ",
    "after : flow 2:2,flow 1:0",
    "after flow,route: outcome 2:1,bridge 0:1",
    "1 both, 1 left, 1 right",
  ]);
});

Deno.test("comparePaths takes the outcome for a step like a decision", () => {
  const arrives = journey({ decisions: [FLOW, ROUTE], outcome: DELIVERED });
  const leaves = journey({ decisions: [FLOW, ROUTE] });
  assert.deepEqual(compare([arrives], [leaves]), [
    "common: flow,route",
    "after flow,route: outcome 1:0,outcome 0:1",
    "0 both, 1 left, 1 right",
  ]);
  assert.deepEqual(compare([arrives], []), ["common: ", "0 both, 1 left, 0 right"]);
});
