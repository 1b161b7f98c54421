import assert from "node:assert/strict";
import { DropStatsReader, RecordedReadings } from "../../src/commands/recorded_drop_stats.ts";
import { Log } from "../../src/output/log.ts";
import type { RecordedReading, Section } from "../../src/recording/sections.ts";
import { Failure } from "../../src/sys/failure.ts";
import { MessageList } from "../support/message_list.ts";

/** A module whose counters are set, and the readings of it. */
class Bench {
  all: Record<string, number> = { VP_DROP_DISCARD: 7 };
  vifs: Record<number, Record<string, number>> = { 3: { VP_DROP_DISCARD: 7 }, 4: {} };
  now = 0;
  answers = true;
  readonly asked: boolean[] = [];
  readonly messages = new MessageList();
  readonly reader = new DropStatsReader({
    read: (withVifs) => {
      this.asked.push(withVifs);
      if (!this.answers) throw new Failure("vifs", "it is gone");
      const vifs = withVifs ? Object.entries(this.vifs) : [];
      return {
        all: new Map(Object.entries(this.all)),
        vifs: new Map(vifs.map(([index, of]) => [Number(index), new Map(Object.entries(of))])),
      };
    },
    time: () => BigInt(this.now) * 1_000_000n,
    now: () => this.now,
  }, new Log({ messages: this.messages }));

  /** Recording has begun. */
  begin(): this {
    this.reader.take();
    this.reader.take();
    return this;
  }

  /** A second later. */
  second(): readonly Section[] {
    this.now += 1000;
    this.reader.turn();
    return this.reader.dry();
  }

  drop(vif: number, name = "VP_DROP_DISCARD"): void {
    this.all[name] = (this.all[name] ?? 0) + 1;
    this.vifs[vif]![name] = (this.vifs[vif]![name] ?? 0) + 1;
  }
}

Deno.test("counters are recorded once a second if they have changed, and only those", () => {
  const bench = new Bench().begin();
  bench.drop(4);
  bench.now += 500;
  bench.reader.turn();
  assert.deepEqual(bench.reader.dry(), []);
  const counts = {
    all: { VP_DROP_DISCARD: 8 },
    vifs: [[4, { VP_DROP_DISCARD: 1 }]],
  };
  assert.deepEqual(bench.second(), [
    { name: "reading", value: { time: 1_500_000_000n, before: counts, after: counts } },
  ]);
  bench.asked.length = 0;
  assert.deepEqual(bench.second(), []);
  assert.deepEqual(bench.asked, [false], "without a drop, vifs are not asked for");
});

Deno.test("what is dropped while records are waited for is in the second reading alone", () => {
  const bench = new Bench().begin();
  bench.drop(3);
  bench.now += 1000;
  bench.reader.turn();
  bench.drop(3, "VP_DROP_MISC");
  const [section] = bench.reader.dry();
  const { before, after } = section!.value as RecordedReading;
  assert.deepEqual(before.all, { VP_DROP_DISCARD: 8 });
  assert.deepEqual(after.all, { VP_DROP_DISCARD: 8, VP_DROP_MISC: 1 });
  // Its record came behind that, so there is another reading, which nothing has changed since.
  const settled = bench.second()[0]!.value as RecordedReading;
  assert.deepEqual([settled.before.all, settled.after.all], [{}, {}]);
  assert.deepEqual(bench.second(), []);
  bench.reader.take();
  bench.reader.take();
  const readings = new RecordedReadings(bench.reader.stats!);
  const isSettled = [section!.value as RecordedReading, settled].map((one) => readings.moment(one));
  assert.deepEqual(isSettled, [false, true]);
});

Deno.test("at the ends there are all, and nothing is read before and after", () => {
  const bench = new Bench();
  bench.drop(3);
  assert.deepEqual(bench.second(), []);
  bench.begin().drop(3);
  bench.reader.take();
  bench.reader.take();
  bench.drop(3);
  assert.deepEqual(bench.second(), []);
  const { start, end } = bench.reader.stats!;
  assert.deepEqual([start[1].all, end[0].all], [
    { VP_DROP_DISCARD: 8 },
    { VP_DROP_DISCARD: 9 },
  ]);
});

Deno.test("a module that does not answer any more is said once, and has no readings", () => {
  const bench = new Bench().begin();
  bench.answers = false;
  for (let times = 0; times < 3; times++) assert.deepEqual(bench.second(), []);
  assert.equal(bench.messages.text.match(/are not recorded: it is gone/g)?.length, 1);
  assert.equal(bench.reader.stats, null);
});

Deno.test("readings of a recording add up to those of the module", () => {
  const bench = new Bench().begin();
  const sections: RecordedReading[] = [];
  const taken: Record<string, number>[] = [];
  for (const [vif, name] of [[3, "VP_DROP_MISC"], [4, "VP_DROP_PULL"], [3, "VP_DROP_MISC"]]) {
    bench.drop(vif as number, name as string);
    sections.push(bench.second()[0]!.value as RecordedReading);
    taken.push({ ...bench.all });
  }
  bench.reader.take();
  bench.reader.take();
  const readings = new RecordedReadings(bench.reader.stats!);
  readings.read();
  assert.deepEqual(Object.fromEntries(readings.read().all), { VP_DROP_DISCARD: 7 });
  for (const [index, reading] of sections.entries()) {
    readings.moment(reading);
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(Object.fromEntries(readings.read().all), taken[index]);
    }
  }
  readings.same();
  readings.pass();
  const { all, vifs } = readings.read();
  assert.deepEqual(Object.fromEntries(all), taken[2]);
  assert.deepEqual(Object.fromEntries(vifs.get(3)!), { VP_DROP_DISCARD: 7, VP_DROP_MISC: 2 });
});

Deno.test("readings of a hostile recording do not grow without bounds", () => {
  const nothing = { all: {}, vifs: [] };
  const readings = new RecordedReadings({
    start: [nothing, nothing],
    end: [nothing, nothing],
  });
  for (let round = 0; round < 20; round++) {
    const all = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`${round} ${n}`, 1]));
    const vifs = Array.from({ length: 1000 }, (_, n) => [1000 * round + n, {}] as const);
    readings.moment({ before: { all, vifs }, after: { all, vifs } });
  }
  const { all, vifs } = readings.read();
  assert.deepEqual([all.size, vifs.size], [1024, 1024]);
});
