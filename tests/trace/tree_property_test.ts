import assert from "node:assert/strict";
import { CallTree } from "../../src/trace/tree.ts";
import { type CallRecord, feed, type KeptStep, StepList } from "../support/call_records.ts";
import { type Expected, Machine } from "../support/machine.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(200);
const STEPS = 2_000;

/** Follows the steps of each context and refuses those that do not nest. */
class Nesting {
  readonly #open = new Map<string, number[]>();

  take(record: CallRecord, steps: readonly KeptStep[]): void {
    const context = Machine.context(record);
    const open = this.#open.get(context) ?? [];
    this.#open.set(context, open);
    steps.forEach((step, index) => {
      const last = index === steps.length - 1;
      assert.deepEqual([step.time, step.cpu], [record.time, record.cpu]);
      if (step.kind === "enter") {
        assert.ok(last && record.kind === "entry");
        assert.deepEqual([step.depth, step.fn], [open.length, record.fn]);
        open.push(step.fn);
      } else if (step.kind === "orphan") {
        assert.ok(last && record.kind === "return");
        assert.deepEqual([step.depth, step.fn], [open.length, record.fn]);
      } else {
        assert.equal(step.fn, open.pop());
        assert.equal(step.depth, open.length);
        if (step.kind === "leave") assert.equal(step.fn, record.fn);
        else assert.equal(step.kind, "return lost");
      }
    });
  }

  /** Takes the steps of the end of the trace, context by context. */
  finish(steps: readonly KeptStep[]): void {
    const ended: string[] = [];
    let calls: number[] = [];
    for (const step of steps) {
      assert.equal(step.kind, "trace ended");
      calls.unshift(step.fn);
      if (step.depth > 0) continue;
      ended.push(calls.join());
      calls = [];
    }
    const open = [...this.#open.values()].filter((fns) => fns.length > 0);
    assert.deepEqual(ended.toSorted(), open.map((fns) => fns.join()).toSorted());
  }

  get count(): number {
    return [...this.#open.values()].reduce((sum, fns) => sum + fns.length, 0);
  }
}

/** A tree that is fed, with its steps checked. */
class Trial {
  readonly list = new StepList();
  readonly tree = new CallTree(this.list, Machine.functions);
  readonly #nesting = new Nesting();

  /** Feeds a record; returns its own step, the last one. */
  feed(record: CallRecord): KeptStep | undefined {
    const { steps } = this.list;
    steps.length = 0;
    feed(this.tree, record);
    this.#nesting.take(record, steps);
    assert.equal(this.tree.callsOpen, this.#nesting.count);
    return steps.at(-1);
  }

  finish(): void {
    this.list.steps.length = 0;
    this.tree.finish();
    this.#nesting.finish(this.list.steps);
    assert.equal(this.tree.callsOpen, 0);
  }
}

Deno.test("CallTree gives exactly the calls that were made where no record is missing", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  let interrupted = 0;
  for (let run = 0; run < RUNS; run++) {
    const trial = new Trial();
    const check = (record: CallRecord, expected: Expected): void => {
      const step = trial.feed(record);
      assert.equal(trial.list.steps.length, 1);
      assert.deepEqual([step?.kind, step?.depth], [expected.kind, expected.depth]);
      if (expected.depth > 4) interrupted++;
    };
    const machine = new Machine(random, 1 + random.int(4), check);
    for (let step = 0; step < STEPS; step++) machine.step();
    assert.deepEqual([trial.tree.orphans, trial.tree.abandoned], [0, 0]);
    if (random.int(2) === 0) {
      machine.unwind();
      assert.equal(trial.tree.callsOpen, 0);
    }
    trial.finish();
  }
  assert.ok(interrupted > 0, "the machine makes deep stacks");
});

Deno.test("CallTree stays balanced whatever records are lost, and recovers", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  const loss = { abandoned: 0, orphans: 0, steps: 0, wrong: 0 };
  for (let run = 0; run < RUNS; run++) {
    const trial = new Trial();
    // Single losses, or bursts as of a full ring; with the returns of lost entries or without them.
    const oneIn = random.pick([3, 20, 200]);
    const burst = random.pick([1, 1, 40]);
    const suppress = random.int(2) === 0;
    const suppressed = new Set<string>();
    let losing = 0;
    let over = false;
    const machine = new Machine(random, 1 + random.int(4), (record, expected) => {
      const key = `${Machine.context(record)} ${record.frame} ${record.fn}`;
      if (losing === 0 && !over && random.int(oneIn * burst) === 0) losing = burst;
      if (losing > 0) {
        losing--;
        if (suppress && record.kind === "entry") suppressed.add(key);
        else suppressed.delete(key);
        return;
      }
      if (record.kind === "return" && suppressed.delete(key)) return;
      const step = trial.feed(record);
      if (!over) return;
      loss.steps++;
      if (step?.kind !== expected.kind || step.depth !== expected.depth) loss.wrong++;
    });
    for (let step = 0; step < STEPS; step++) machine.step();
    machine.unwind();
    over = true;
    for (let step = 0; step < 5 * STEPS; step++) machine.step();
    loss.abandoned += trial.tree.abandoned;
    loss.orphans += trial.tree.orphans;
    trial.finish();
  }
  console.log(
    `${loss.abandoned} calls closed and ${loss.orphans} orphans; afterwards ` +
      `${loss.wrong} of ${loss.steps} steps at another depth`,
  );
  assert.ok(loss.abandoned > 0);
  assert.ok(loss.wrong < loss.steps / 20);
});

Deno.test("CallTree with a limit hands on both ends of every call, whatever records are lost", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  for (let run = 0; run < RUNS; run++) {
    const limit = random.int(300);
    const list = new StepList();
    const tree = new CallTree(list, Machine.functions, { limit });
    const oneIn = random.pick([2, 10, 1000]);
    const machine = new Machine(random, 2, (record) => {
      if (random.int(oneIn) > 0) feed(tree, record);
      if (tree.done) assert.equal(tree.callsOpen, 0);
    });
    for (let step = 0; step < STEPS; step++) machine.step();
    assert.ok(tree.full);
    tree.finish();
    assert.ok(tree.done);
    const entered = list.steps.filter((step) => step.kind === "enter").length;
    const orphans = list.steps.filter((step) => step.kind === "orphan").length;
    assert.deepEqual([entered, orphans], [tree.calls, tree.orphans]);
    assert.equal(list.steps.length, 2 * entered + orphans);
    assert.ok(list.steps.length === limit || list.steps.length === limit - 1);
  }
});

Deno.test("CallTree survives records of any content", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  for (let run = 0; run < RUNS; run++) {
    const trial = new Trial();
    const wild = (below: number): number => random.int(random.int(8) === 0 ? 2 ** 32 : below);
    for (let step = 0; step < STEPS; step++) {
      trial.feed({
        kind: random.int(3) > 0 ? "entry" : "return",
        task: wild(4),
        cpu: random.int(random.int(8) === 0 ? 65536 : 2),
        frame: wild(0x8000),
        fn: random.int(Machine.functions),
        time: BigInt(wild(1000)) << 32n | BigInt(wild(1000)),
        slot: random.int(65536),
        generation: random.int(256),
      });
    }
    trial.finish();
  }
});
