import assert from "node:assert/strict";
import { DropGroups, KEYS } from "../../../src/output/drops/groups.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP, SECOND } from "../../support/drops.ts";

const at = (seconds: number): bigint => BigInt(Math.round(seconds * 1000)) * SECOND / 1000n;

Deno.test("drops are grouped by what they have in common", () => {
  const groups = new DropGroups(0n);
  groups.add(drop({ vif: { index: 1, device: "tap1" } }), "a > b");
  groups.add(drop({ vif: { index: 2, device: "tap2" } }), "a > b");
  groups.add(drop({ vif: { index: 2, device: "tap2" } }), "a > c");
  groups.add(drop({ reason: FLOW_ACTION_DROP }), "a > c");
  const counts = (...by: Parameters<typeof groups.groups>[0]): unknown[] =>
    groups.groups(by, "count", SECOND).map((
      { values, count },
    ) => [...Object.values(values), count]);
  assert.deepEqual(counts("reason"), [["Discards", 3], ["Flow Action Drop", 1]]);
  assert.deepEqual(counts("flow"), [["a > b", 2], ["a > c", 2]]);
  assert.equal(groups.groups(KEYS, "count", SECOND).length, 4);
  assert.equal(groups.classCount("lost"), 3);
  assert.equal(groups.classCount("policy"), 1);
});

Deno.test("rates are those of the last seconds, and of the trace if that is younger", () => {
  const groups = new DropGroups(0n);
  const rate = (now: number): number => groups.groups(["reason"], "rate", at(now))[0]!.rate;
  for (let index = 0; index < 10; index++) groups.add(drop({ time: at(0.5) }), "");
  assert.equal(rate(0.6), 10);
  assert.equal(rate(2), 5);
  assert.equal(rate(4.5), 10 / 4.5);
  assert.equal(rate(5), 0);
  for (let second = 10; second < 20; second++) groups.add(drop({ time: at(second) }), "");
  assert.equal(rate(19.999), 5 / 4.999);
  // Long after: no slot is taken for another second's.
  groups.add(drop({ time: at(1000) }), "");
  assert.equal(rate(1000.5), 1 / 4.5);
});

Deno.test("groups are sorted by rate, number, or latest drop", () => {
  const groups = new DropGroups(0n);
  for (let index = 0; index < 9; index++) groups.add(drop({ time: at(1) }), "many");
  for (let index = 0; index < 3; index++) groups.add(drop({ time: at(10) }), "fast");
  groups.add(drop({ time: at(11) }), "new");
  const order = (by: "rate" | "count" | "last"): unknown[] =>
    groups.groups(["flow"], by, at(11)).map(({ values }) => values.flow);
  assert.deepEqual(order("rate"), ["fast", "new", "many"]);
  assert.deepEqual(order("count"), ["many", "fast", "new"]);
  assert.deepEqual(order("last"), ["new", "fast", "many"]);
});

Deno.test("memory is bounded: of too many groups the oldest lose their flow, then their vif", () => {
  const groups = new DropGroups(0n, 10);
  for (let index = 0; index < 1000; index++) {
    const vif = { index: index % 50, device: null };
    groups.add(drop({ time: at(index), vif, reason: DISCARDS }), `flow ${index}`);
  }
  const all = groups.groups(KEYS, "last", at(1000));
  assert.ok(all.length <= 11, `${all.length}`);
  assert.equal(all.reduce((sum, { count }) => sum + count, 0), 1000);
  assert.equal(all[0]!.values.flow, "flow 999");
  assert.ok(all.some(({ values }) => values.flow === "others" && values.vif === "others"));
});
