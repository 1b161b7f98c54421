import assert from "node:assert/strict";
import { StageStatistics } from "../../src/trace/stage_statistics.ts";

Deno.test("StageStatistics counts a packet once for each stage, with all of its time in it", () => {
  const statistics = new StageStatistics();
  statistics.add({
    duration: 25,
    stages: [
      { name: "rx", duration: 5 },
      { name: "tx", duration: 10 },
      { name: "rx", duration: 10 },
    ],
  });
  statistics.add({ duration: 30, stages: [{ name: "rx", duration: 30 }] });
  assert.deepEqual(statistics.total, { count: 2, p50: 25, p99: 30, max: 30 });
  assert.deepEqual([...statistics.stages], [
    ["rx", { count: 2, p50: 15, p99: 30, max: 30 }],
    ["tx", { count: 1, p50: 10, p99: 10, max: 10 }],
  ]);
});

Deno.test("StageStatistics has a histogram without empty ends", () => {
  const statistics = new StageStatistics();
  assert.deepEqual(statistics.histogram, []);
  for (const duration of [1000, 1999, 9999, 10_000]) statistics.add({ duration, stages: [] });
  assert.deepEqual(statistics.histogram, [
    { from: 1000, to: 2000, count: 2 },
    { from: 2000, to: 5000, count: 0 },
    { from: 5000, to: 10_000, count: 1 },
    { from: 10_000, to: 20_000, count: 1 },
  ]);
});

Deno.test("StageStatistics counts a time that is a bound in the bucket that it begins", () => {
  for (let power = 0; power < 16; power++) {
    for (const mantissa of [1, 2, 5]) {
      const bound = mantissa * 10 ** power;
      for (const [duration, begins] of [[bound, true], [bound - 1, false]] as const) {
        const statistics = new StageStatistics();
        statistics.add({ duration, stages: [] });
        const [bucket, ...others] = statistics.histogram;
        assert.deepEqual(others, []);
        assert.ok(duration >= bucket!.from && duration < bucket!.to, `${duration}`);
        assert.equal(bucket!.from === bound, begins);
      }
    }
  }
});
