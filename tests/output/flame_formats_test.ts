import assert from "node:assert/strict";
import { COLLAPSED } from "../../src/output/collapsed.ts";
import { SPEEDSCOPE } from "../../src/output/speedscope.ts";
import { FileSpool } from "../../src/output/spool.ts";
import { type CallTree } from "../../src/trace/tree.ts";
import { type CallRecord, feed } from "../support/call_records.ts";
import { counted, exported, writtenBy } from "../support/exports.ts";
import { Random } from "../support/random.ts";
import { vrouterStream } from "../support/vrouter_stream.ts";

const STREAM = vrouterStream(new Random(5), { records: 20_000, packets: true });
const FUNCTIONS = ["vm_rx", "vr_flow lookup;x", "lh_pfree"];

/** A profile of speedscope's evented format. */
interface Profile {
  readonly type: string;
  readonly name: string;
  readonly unit: string;
  readonly startValue: number;
  readonly endValue: number;
  readonly events: { readonly type: "O" | "C"; readonly frame: number; readonly at: number }[];
}

interface SpeedscopeFile {
  readonly shared: { readonly frames: { readonly name: string }[] };
  readonly profiles: Profile[];
}

/** Feeds calls and returns: `>1 120` enters function 1 at 120, `<1 130` returns. */
function feedCalls(tree: CallTree, steps: string, place: Partial<CallRecord> = {}): void {
  let depth = 0;
  for (const [, mark, fn, time] of steps.matchAll(/([<>])(\d) (\d+)/g)) {
    if (mark === "<") depth--;
    const frame = 0xa0004000 - 64 * depth;
    const kind = mark === ">" ? "entry" : "return";
    feed(tree, { task: 5, cpu: 1, ...place, frame, fn: Number(fn), kind, time: BigInt(time!) });
    if (mark === ">") depth++;
  }
}

async function collapsed(run: (tree: CallTree) => void): Promise<string> {
  return new TextDecoder().decode(await writtenBy(COLLAPSED, { functions: FUNCTIONS }, run));
}

async function speedscope(run: (tree: CallTree) => void): Promise<SpeedscopeFile> {
  const bytes = await writtenBy(SPEEDSCOPE, { functions: FUNCTIONS }, run);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** What speedscope's own importer checks: each C closes the innermost O, in the order of time. */
function check(
  { profiles, shared: { frames } }: SpeedscopeFile,
): { opens: number; closes: number } {
  let [opens, closes] = [0, 0];
  for (const { type, unit, startValue, endValue, events } of profiles) {
    assert.deepEqual([type, unit], ["evented", "nanoseconds"]);
    const open: number[] = [];
    let before = startValue;
    for (const { type, frame, at } of events) {
      assert.ok(at >= before && at <= endValue && frame < frames.length);
      before = at;
      if (type === "O") {
        opens++;
        open.push(frame);
      } else {
        closes++;
        assert.equal(open.pop(), frame);
      }
    }
    assert.deepEqual(open, []);
  }
  return { opens, closes };
}

Deno.test("collapsed stacks have the time of each chain without the calls inside it", async () => {
  const text = await collapsed((tree) => {
    feedCalls(tree, ">0 100 >1 110 >2 120 <2 130 <1 150 >2 160 <2 165 <0 200");
    feedCalls(tree, ">0 300 >2 310 <2 320 <0 400", { task: 6 });
    feedCalls(tree, ">2 500 <2 507", { task: 0, cpu: 3 });
  });
  assert.deepEqual(text.split("\n").sort(), [
    "",
    "lh_pfree 7",
    "vm_rx 145",
    "vm_rx;lh_pfree 15",
    "vm_rx;vr_flow_lookup_x 30",
    "vm_rx;vr_flow_lookup_x;lh_pfree 10",
  ]);
});

Deno.test("collapsed stacks leave out what lost returns hide", async () => {
  const text = await collapsed((tree) => {
    feedCalls(tree, ">0 100 >1 110");
    feed(tree, { task: 5, cpu: 1, kind: "return", frame: 0xa0004000, fn: 0, time: 200n });
    feedCalls(tree, ">0 300 <0 310 >1 320");
  });
  assert.equal(text, "vm_rx 10\n");
});

Deno.test("collapsed stacks of a trace add up to the time of its outermost calls", async () => {
  // None of its calls is cut off.
  const stream = vrouterStream(new Random(5), { records: 20_000, cpus: 1 });
  const text = new TextDecoder().decode(await exported(COLLAPSED, stream));
  const lines = text.trimEnd().split("\n");
  assert.equal(new Set(lines.map((line) => line.replace(/ \d+$/, ""))).size, lines.length);
  const sum = lines.reduce((all, line) => all + Number(/^\S+ (\d+)$/.exec(line)![1]), 0);
  const file: SpeedscopeFile = JSON.parse(
    new TextDecoder().decode(await exported(SPEEDSCOPE, stream)),
  );
  let outermost = 0;
  for (const { events } of file.profiles) {
    let depth = 0;
    for (const { type, at } of events) {
      if (type === "O" && depth++ === 0) outermost -= at;
      if (type === "C" && --depth === 0) outermost += at;
    }
  }
  assert.equal(sum, outermost);
});

Deno.test("speedscope has a profile for each task, and one for the idle task of each CPU", async () => {
  const file = await speedscope((tree) => {
    feedCalls(tree, ">0 100 >1 110 <1 150 <0 200");
    feedCalls(tree, ">2 105 <2 107", { task: 0, cpu: 3 });
    feedCalls(tree, ">2 104 <2 109", { task: 0, cpu: 4 });
    feedCalls(tree, ">0 120 >2 130", { task: 905 });
  });
  assert.deepEqual(file.shared.frames.map(({ name }) => name), FUNCTIONS);
  assert.deepEqual(file.profiles.map(({ name, events }) => [name, events.length]), [
    ["ksoftirqd/5 (5)", 4],
    ["idle, CPU 3", 2],
    ["idle, CPU 4", 2],
    ["task 905", 4],
  ]);
  assert.deepEqual(file.profiles[0]!.events, [
    { type: "O", frame: 0, at: 0 },
    { type: "O", frame: 1, at: 10 },
    { type: "C", frame: 1, at: 50 },
    { type: "C", frame: 0, at: 100 },
  ]);
  check(file);
});

Deno.test("speedscope gets every call of a trace, in the right order, out of memory and of a file", async () => {
  const { enter } = counted(STREAM);
  const bytes = await exported(SPEEDSCOPE, STREAM);
  assert.deepEqual(check(JSON.parse(new TextDecoder().decode(bytes))), {
    opens: enter,
    closes: enter,
  });
  using spool = new FileSpool();
  assert.deepEqual(await exported(SPEEDSCOPE, STREAM, { spool: () => spool }), bytes);
});

Deno.test("an empty trace is a file as well", async () => {
  assert.equal(await collapsed(() => {}), "");
  assert.deepEqual((await speedscope(() => {})).profiles, []);
});
