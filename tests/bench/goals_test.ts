import assert from "node:assert/strict";
import { GOALS, judge, type Verdict, withShares } from "./goals.ts";
import { collect } from "./samples.ts";

function goal(id: string): (typeof GOALS)[number] {
  return GOALS.find((one) => one.id === id)!;
}

/** The verdict on values by key. */
function verdict(id: string, values: Readonly<Record<string, readonly number[]>>): Verdict {
  const lines = Object.entries(values).flatMap(([key, list]) =>
    list.map((value) => JSON.stringify({ key, value }))
  );
  return judge(goal(id), collect(lines.join("\n")));
}

Deno.test("A goal is judged by the ratio of the medians", () => {
  const reached = verdict("start", { "start/vrft": [1, 9, 1.5], "start/pwru": [5, 12, 40] });
  assert.equal(reached.ratio, 0.125);
  assert.equal(reached.verdict, "reached");
  assert.equal(verdict("start", { "start/vrft": [2], "start/pwru": [6] }).verdict, "missed");
});

Deno.test("A goal without a figure of either side is not measured", () => {
  assert.equal(verdict("start", { "start/vrft": [1] }).verdict, "not measured");
  assert.equal(verdict("start", { "start/pwru": [1] }).verdict, "not measured");
  assert.equal(verdict("rate", {}).verdict, "not measured");
});

Deno.test("A slowdown is no success if a single repetition lost events", () => {
  const slowdowns = { "slowdown/vrft": [6], "slowdown/peer-empty": [6] };
  assert.equal(verdict("slowdown", { ...slowdowns, "lost/vrft": [0, 0] }).verdict, "reached");
  const lossy = verdict("slowdown", { ...slowdowns, "lost/vrft": [0, 7, 0] });
  assert.equal(lossy.verdict, "missed");
  assert.match(lossy.also!, /7 events/);
  assert.equal(verdict("slowdown", slowdowns).verdict, "missed");
});

Deno.test("withShares() takes the events that there were from losses, or from runs of programs", () => {
  const results = withShares(collect(
    [
      '{"fact":"floods","text":"100"}',
      '{"key":"kept/vrft","value":90}',
      '{"key":"lost/vrft","value":10}',
      '{"key":"kept/pwru","value":60}',
      '{"key":"runs/pwru","value":2}',
      '{"key":"kept/other","value":60}',
    ].join("\n"),
  ));
  assert.deepEqual(results.samples.get("share/vrft")?.values, [90]);
  // Three floods of 100 round trips, two runs in each.
  assert.deepEqual(results.samples.get("share/pwru")?.values, [10]);
  assert.deepEqual(results.samples.get("share/other")?.values, []);
});

Deno.test("Each goal has its own name, so that its reason can be given", () => {
  assert.equal(new Set(GOALS.map(({ id }) => id)).size, GOALS.length);
  const reasons = JSON.parse(Deno.readTextFileSync(new URL("reasons.json", import.meta.url)));
  const known = new Set(GOALS.map(({ id }) => id));
  assert.deepEqual(Object.keys(reasons).filter((id) => !known.has(id)), []);
});
