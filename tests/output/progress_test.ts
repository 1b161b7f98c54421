import assert from "node:assert/strict";
import { Progress } from "../../src/output/progress.ts";
import { MessageList } from "../support/message_list.ts";

/** A progress bar with a simulated clock. */
class Bench {
  readonly messages = new MessageList();
  now = 1000;
  columns = 80;
  readonly progress: Progress;

  constructor(total: number, terminal: boolean) {
    this.progress = new Progress(total, {
      messages: this.messages,
      terminal,
      columns: () => this.columns,
      now: () => this.now,
    });
  }
}

Deno.test("Progress draws the bar over and over on a terminal", () => {
  const bench = new Bench(1767, true);
  bench.progress.update(0);
  bench.now += 62;
  bench.progress.update(883);
  bench.now += 62;
  bench.progress.finish(1767);
  assert.deepEqual(bench.messages.text.split("\r"), [
    "",
    "   0% |                              | (0/1767, 0 it/s)",
    "  49% |██████████████                | (883/1767, 14242 it/s)",
    " 100% |██████████████████████████████| (1767/1767, 14250 it/s)\n",
  ]);
});

Deno.test("Progress writes its end alone where there is no terminal", () => {
  const bench = new Bench(1767, false);
  for (let done = 0; done < 1767; done++) {
    bench.now += 1;
    bench.progress.update(done);
  }
  bench.progress.finish(1700);
  bench.progress.finish(1767);
  assert.equal(
    bench.messages.text,
    "  96% |████████████████████████████  | (1700/1767, 962 it/s)\n",
  );
});

Deno.test("Progress draws no more often than an eye can follow", () => {
  const bench = new Bench(10_000, true);
  for (let done = 0; done < 10_000; done++) {
    bench.now += 0.1;
    bench.progress.update(done);
  }
  const drawn = bench.messages.text.split("\r").length - 1;
  assert.ok(drawn >= 19 && drawn <= 21, `${drawn} times`);
});

Deno.test("Progress never fills the last column of a narrow terminal", () => {
  const bench = new Bench(1767, true);
  const widths: number[] = [];
  for (const columns of [80, 40, 36, 30, 20, 5, 1]) {
    bench.columns = columns;
    bench.now += 1000;
    bench.progress.update(1767);
    const text = bench.messages.text.split("\r").at(-1)!;
    assert.ok(text.length < columns, `${text.length} of ${columns} columns`);
    widths.push(text.split("█").length - 1);
  }
  assert.deepEqual(widths, [30, 9, 5, 0, 0, 0, 0]);
});

Deno.test("Progress wipes out what a longer line has left behind", () => {
  const bench = new Bench(100, true);
  bench.now += 1;
  bench.progress.update(99);
  bench.now += 100_000;
  bench.progress.finish(100);
  const [, first, second] = bench.messages.text.split("\r");
  assert.equal(second!.trimEnd(), ` 100% |${"█".repeat(30)}| (100/100, 1 it/s)`);
  assert.equal(second!.length, first!.length + 1);
});

Deno.test("Progress of nothing is complete", () => {
  const bench = new Bench(0, false);
  bench.progress.finish(0);
  assert.equal(bench.messages.text, ` 100% |${"█".repeat(30)}| (0/0, 0 it/s)\n`);
});

Deno.test("Progress that is cut short ends its line, and writes nothing if nothing stands there", () => {
  const drawn = new Bench(10, true);
  drawn.progress.update(3);
  drawn.progress[Symbol.dispose]();
  drawn.progress[Symbol.dispose]();
  drawn.progress.update(4);
  drawn.progress.finish(10);
  assert.match(drawn.messages.text, /^\r {2}30% .*\n$/);
  for (const terminal of [true, false]) {
    const silent = new Bench(10, terminal);
    silent.progress[Symbol.dispose]();
    assert.equal(silent.messages.text, "");
  }
});

Deno.test("Progress draws nothing over and over where standard error takes nothing", () => {
  const bench = new Bench(10, true);
  bench.messages.busy = true;
  for (let done = 0; done < 10; done++) {
    bench.now += 100;
    bench.progress.update(done);
  }
  assert.equal(bench.messages.text, "");
  bench.progress.finish(10);
  assert.match(bench.messages.text, /100%.*\n$/);
});
