import assert from "node:assert/strict";
import { plot, ticks } from "./plot.ts";

Deno.test("ticks() are round, begin at zero, and reach what is shown", () => {
  assert.deepEqual(ticks(1765), [0, 500, 1000, 1500, 2000]);
  assert.deepEqual(ticks(4), [0, 1, 2, 3, 4]);
  assert.deepEqual(ticks(0.3), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(ticks(0), [0, 1]);
  for (let most = 0.001; most < 1e7; most *= 1.37) {
    const list = ticks(most);
    assert.ok(list.at(-1)! >= most && list.length >= 3 && list.length <= 6, `${most}: ${list}`);
  }
});

Deno.test("plot() draws linear growth as a straight line through the origin", () => {
  const points = [1, 2, 4].map((x) => ({ x, y: 10 * x, least: 9 * x, most: 10 * x }));
  const svg = plot("Growth", "things", [{ title: "cost", points }]);
  const line = /<polyline points="([^"]+)"/.exec(svg)![1]!;
  const [[x1, y1], [x2, y2], [x3, y3]] = line.split(" ").map((pair) =>
    pair.split(",").map(Number)
  ) as [
    [number, number],
    [number, number],
    [number, number],
  ];
  assert.ok(Math.abs((y2 - y1) / (x2 - x1) - (y3 - y2) / (x3 - x2)) < 0.02);
  assert.equal(svg.match(/<circle /g)?.length, 3);
});

Deno.test("plot() keeps titles from being markup", () => {
  const point = { x: 1, y: 1, least: 1, most: 1 };
  const svg = plot("a <b> & c", "<x>", [{ title: "<t>", points: [point] }]);
  assert.ok(!/<[bxt]>/.test(svg));
  assert.match(svg, /a &lt;b> &amp; c/);
});
