import assert from "node:assert/strict";
import { Percentiles } from "../../src/trace/percentiles.ts";
import { forRandomCases } from "../support/property.ts";

Deno.test("Percentiles knows nothing of no times", () => {
  assert.deepEqual(new Percentiles().times, { count: 0, p50: 0, p99: 0, max: 0 });
});

Deno.test("Percentiles is exact for a few nanoseconds, and for the longest time", () => {
  const times = new Percentiles();
  for (let time = 1; time <= 50; time++) times.add(time);
  times.add(123_456_789);
  assert.deepEqual(times.times, { count: 51, p50: 26, p99: 123_456_789, max: 123_456_789 });
});

Deno.test("Percentiles is never too low, and too high by at most 1/32", () => {
  forRandomCases(20261126, (random) => {
    const times = new Percentiles();
    const all: number[] = [];
    for (let index = random.int(60); index >= 0; index--) {
      // Powers of two and what is next to them, up to the largest.
      const power = 2 ** random.int(53);
      const time = random.pick([
        power - 1,
        power,
        power + random.int(2 ** 20),
        random.int(2 ** 32),
      ]);
      times.add(time);
      all.push(time);
    }
    all.sort((a, b) => a - b);
    for (const share of [0.01, 0.5, 0.99, 1]) {
      const exact = all[Math.max(0, Math.ceil(share * all.length - 1e-9) - 1)]!;
      const told = times.at(share);
      assert.ok(told >= exact && told <= exact * (1 + 1 / 32), `${told}, not ${exact}`);
    }
    assert.equal(times.times.max, all.at(-1));
  }, 2000);
});
