import assert from "node:assert/strict";
import { growth } from "./growth.ts";
import { collect } from "./samples.ts";

Deno.test("growth() makes a panel of each metric, with medians in the order of the axis", () => {
  const lines = [
    ["growth/functions/400/start", 3],
    ["growth/functions/50/start", 1],
    ["growth/functions/50/start", 9],
    ["growth/functions/50/start", 2],
    ["growth/functions/50/lost", 0],
    ["growth/unknown/1/start", 1],
    ["start/vrft", 1],
  ].map(([key, value]) => JSON.stringify({ key, value }));
  const [functions, ...others] = growth(collect(lines.join("\n")));
  assert.deepEqual(others, []);
  assert.deepEqual(functions!.panels, [
    {
      title: "start, s",
      points: [{ x: 50, y: 2, least: 1, most: 9 }, { x: 400, y: 3, least: 3, most: 3 }],
    },
    { title: "events lost, %", points: [{ x: 50, y: 0, least: 0, most: 0 }] },
  ]);
  assert.match(functions!.svg, /functions attached to/);
});

Deno.test("growth() says what grows faster than linearly", () => {
  const summaryOf = (values: Record<string, number>): string => {
    const lines = Object.entries(values).map(([key, value]) =>
      JSON.stringify({ key: `growth/cpus/${key}`, value })
    );
    return growth(collect(lines.join("\n")))[0]!.summary;
  };
  assert.equal(
    summaryOf({ "1/start": 2, "4/start": 3, "1/cost": 5, "4/cost": 1, "1/rate": 1, "4/rate": 90 }),
    "From 1 to 4 CPUs, each with a flood, 4.0 times as many: start × 1.50, " +
      "µs of CPU for an event × 0.20. Nothing grows faster than linearly.",
  );
  assert.match(summaryOf({ "1/stop": 1, "2/stop": 2.1 }), /Faster than linearly: stop\.$/);
  assert.equal(summaryOf({ "1/stop": 1 }), "");
});

Deno.test("growth() does not take what is printed at the end for growth", () => {
  const lines = ["1/stop 1", "8/stop 9", "1/late 0", "8/late 2000"].map((line) => {
    const [key, value] = line.split(" ");
    return JSON.stringify({ key: `growth/floods/${key}`, value: Number(value) });
  });
  assert.match(
    growth(collect(lines.join("\n")))[0]!.summary,
    /Nothing grows faster than linearly\. A stop includes printing what the ring still holds/,
  );
});
