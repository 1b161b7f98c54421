import assert from "node:assert/strict";
import { statisticsText } from "../../../src/output/packets/histogram.ts";
import { statisticsJson } from "../../../src/output/packets/json.ts";
import { StageStatistics } from "../../../src/trace/stage_statistics.ts";
import { faultsOf } from "../../support/json_schema.ts";
import { journey } from "../../support/journeys.ts";

const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../../docs/schema/packets.schema.json", import.meta.url)),
);

function statistics(...microseconds: number[]): StageStatistics {
  const found = new StageStatistics();
  for (const us of microseconds) {
    found.add(journey({
      stages: [{ name: "rx", duration: 1e3 }, { name: "qdisc", duration: (us - 1) * 1e3 }],
    }));
  }
  return found;
}

Deno.test("each stage and the total has its times, and bars show how many packets took how long", () => {
  const text = statisticsText(statistics(...Array<number>(80).fill(12), 15, 60));
  assert.match(
    text,
    /^stage +packets +p50 +p99 +max\nrx +82 +1\.0 µs +1\.0 µs +1\.0 µs\n\[qdisc\] +82 /,
  );
  assert.match(text, /\ntotal +82 .* 60\.0 µs\n\n +from +to +packets\n/);
  assert.deepEqual(text.split("\n").slice(-4), [
    `10.0 µs   20.0 µs       81  ${"█".repeat(40)}`,
    "20.0 µs   50.0 µs        0",
    "50.0 µs  100.0 µs        1  ▌",
    "",
  ]);
});

Deno.test("without packets there are no statistics", () => {
  assert.equal(statisticsText(statistics()), "");
});

Deno.test("JSON of the statistics meets the schema", () => {
  for (const one of [statistics(), statistics(12, 60)]) {
    assert.deepEqual(faultsOf(JSON.parse(statisticsJson(one)), SCHEMA), []);
  }
  const { total, stages, histogram } = JSON.parse(statisticsJson(statistics(12, 60)));
  assert.equal(total.max, 60_000);
  assert.deepEqual(stages.map(({ isWait }: { isWait: boolean }) => isWait), [false, true]);
  const counts = histogram.map(({ packets }: { packets: number }) => packets);
  assert.equal(counts.reduce((sum: number, count: number) => sum + count, 0), 2);
});
