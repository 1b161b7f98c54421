import assert from "node:assert/strict";
import { NO_RETURN } from "../../src/probe/record.ts";
import { MAX_CONTEXTS } from "../../src/trace/open_calls.ts";
import { CallTree, type CallTreeOptions, MAX_DEPTH } from "../../src/trace/tree.ts";
import { type CallRecord, feed, StepList } from "../support/call_records.ts";

const FUNCTIONS = 26;

/** Frame at a level of nesting on the stack of a task; stacks as VMAP_STACK places them. */
function onTask(stack: number, level: number): number {
  return 0xa0000000 + stack * 0x8000 + 0x3f58 - level * 0x80;
}

/** Frame on the interrupt stack of a CPU: aligned to pages, with a guard page between two. */
function onInterrupt(cpu: number, level: number): number {
  return 0x1c03000 + cpu * 0x5000 + 0x3ff0 - level * 0x80;
}

function entry(task: number, cpu: number, frame: number, name: string): CallRecord {
  return { kind: "entry", task, cpu, frame, fn: name.charCodeAt(0) - 0x61 };
}

function exit(task: number, cpu: number, frame: number, name: string): CallRecord {
  return { ...entry(task, cpu, frame, name), kind: "return" };
}

/** Both ends of a call without calls inside. */
function call(task: number, cpu: number, frame: number, name: string): CallRecord[] {
  return [entry(task, cpu, frame, name), exit(task, cpu, frame, name)];
}

function grow(records: readonly CallRecord[], options?: CallTreeOptions): {
  tree: CallTree;
  list: StepList;
} {
  const list = new StepList();
  const tree = new CallTree(list, FUNCTIONS, options);
  for (const record of records) feed(tree, record);
  return { tree, list };
}

function lines(records: readonly CallRecord[], options?: CallTreeOptions): string[] {
  return grow(records, options).list.lines();
}

/** Makes the interrupt stack of `cpu` known: two tasks are interrupted there in turn. */
function interrupts(cpu: number): CallRecord[] {
  return [0, 900, 0].flatMap((task) => call(task, cpu, onInterrupt(cpu, 0), "z"));
}

/** The lines behind those of {@linkcode interrupts}. */
function linesBehind(first: readonly CallRecord[], then: readonly CallRecord[]): string[] {
  return lines([...first, ...then]).slice(first.length);
}

Deno.test("CallTree pairs the entries and returns of a recursion by their frames", () => {
  assert.deepEqual(
    lines([
      entry(7, 1, onTask(1, 0), "a"),
      entry(7, 1, onTask(1, 1), "a"),
      entry(7, 1, onTask(1, 2), "a"),
      exit(7, 1, onTask(1, 2), "a"),
      exit(7, 1, onTask(1, 1), "a"),
      exit(7, 1, onTask(1, 0), "a"),
    ]),
    ["1 a {", "1   a {", "1     a {", "1     } a", "1   } a", "1 } a"],
  );
});

Deno.test("a call whose return is not recorded has nothing inside, and is none of the next one's", () => {
  const once = (frame: number, name: string): CallRecord => {
    const { fn, ...rest } = entry(7, 1, frame, name);
    return { ...rest, fn: fn | NO_RETURN };
  };
  const { tree, list } = grow([
    entry(7, 1, onTask(1, 0), "a"),
    once(onTask(1, 1), "b"),
    // Not inside the one before, though its frame is lower.
    once(onTask(1, 2), "c"),
    once(onTask(1, 2), "c"),
    exit(7, 1, onTask(1, 0), "a"),
  ]);
  assert.deepEqual(list.lines(), [
    "1 a {",
    "1   b {",
    "1   } b",
    "1   c {",
    "1   } c",
    "1   c {",
    "1   } c",
    "1 } a",
  ]);
  assert.deepEqual([tree.abandoned, tree.orphans, tree.callsOpen], [0, 0, 0]);
});

Deno.test("CallTree keeps two CPUs in the same function apart", () => {
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "a"),
      entry(8, 1, onTask(2, 0), "a"),
      entry(7, 0, onTask(1, 1), "b"),
      exit(8, 1, onTask(2, 0), "a"),
      exit(7, 0, onTask(1, 1), "b"),
      exit(7, 0, onTask(1, 0), "a"),
    ]),
    ["0 a {", "1 a {", "0   b {", "1 } a", "0   } b", "0 } a"],
  );
});

Deno.test("CallTree follows a preempted task to another CPU, and does not nest others in its calls", () => {
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "a"),
      ...call(8, 0, onTask(2, 3), "b"),
      entry(7, 1, onTask(1, 1), "c"),
      entry(8, 0, onTask(2, 0), "a"),
      exit(7, 1, onTask(1, 1), "c"),
      exit(7, 1, onTask(1, 0), "a"),
      exit(8, 0, onTask(2, 0), "a"),
    ]),
    ["0 a {", "0 b {", "0 } b", "1   c {", "0 a {", "1   } c", "1 } a", "0 } a"],
  );
});

Deno.test("CallTree nests interrupts in the calls of the task they interrupt", () => {
  const records = [
    entry(7, 0, onTask(1, 0), "a"),
    // A softirq, and in it a hard interrupt: both on the interrupt stack.
    entry(7, 0, onInterrupt(0, 0), "s"),
    entry(7, 0, onInterrupt(0, 2), "h"),
    exit(7, 0, onInterrupt(0, 2), "h"),
    exit(7, 0, onInterrupt(0, 0), "s"),
    ...call(7, 0, onTask(1, 1), "b"),
    exit(7, 0, onTask(1, 0), "a"),
  ];
  const expected = ["0 a {", "0   s {", "0     h {", "0     } h", "0   } s", "0   b {", "0   } b"];
  assert.deepEqual(lines(records), [...expected, "0 } a"]);
  assert.deepEqual(linesBehind(interrupts(0), records), [...expected, "0 } a"]);
});

Deno.test("CallTree nests the calls of an interrupt stack that crosses a border of 16 KiB", () => {
  // The stack of CPU 0 is from 0x1c03000 to 0x1c07000, the border at 0x1c04000.
  const records = [
    entry(7, 0, 0x1c04100, "a"),
    entry(7, 0, 0x1c03f00, "b"),
    exit(7, 0, 0x1c03f00, "b"),
    exit(7, 0, 0x1c04100, "a"),
  ];
  assert.deepEqual(linesBehind(interrupts(0), records), ["0 a {", "0   b {", "0   } b", "0 } a"]);
});

Deno.test("CallTree keeps the idle tasks of two CPUs apart, though both have thread id 0", () => {
  assert.deepEqual(
    lines([
      entry(0, 0, onInterrupt(0, 0), "a"),
      entry(0, 1, onInterrupt(1, 0), "a"),
      entry(0, 1, onInterrupt(1, 1), "b"),
      exit(0, 0, onInterrupt(0, 0), "a"),
      exit(0, 1, onInterrupt(1, 1), "b"),
      exit(0, 1, onInterrupt(1, 0), "a"),
    ]),
    ["0 a {", "1 a {", "1   b {", "0 } a", "1   } b", "1 } a"],
  );
});

Deno.test("CallTree nests tail calls, which share the frame of their caller", () => {
  const frame = onTask(1, 1);
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "p"),
      entry(7, 0, frame, "a"),
      entry(7, 0, frame, "b"),
      entry(7, 0, frame, "c"),
      exit(7, 0, frame, "c"),
      exit(7, 0, frame, "b"),
      exit(7, 0, frame, "a"),
      ...call(7, 0, frame, "d"),
      exit(7, 0, onTask(1, 0), "p"),
    ]),
    [
      "0 p {",
      "0   a {",
      "0     b {",
      "0       c {",
      "0       } c",
      "0     } b",
      "0   } a",
      "0   d {",
      "0   } d",
      "0 } p",
    ],
  );
});

Deno.test("CallTree nests calls of two kinds of probes by their stack slots", () => {
  // A trampoline calls its function, so a tail call from there has a slot of its own.
  const inside = onTask(1, 0) - 0x38;
  assert.deepEqual(
    lines([
      // By trampoline: a, c. By kprobe.session: b, d.
      entry(7, 1, onTask(1, 0), "a"),
      entry(7, 1, inside, "b"),
      entry(7, 1, inside, "c"),
      exit(7, 1, inside, "c"),
      exit(7, 1, inside, "b"),
      exit(7, 1, onTask(1, 0), "a"),
      // At one slot after the other, whatever number of arguments each has.
      entry(7, 1, onTask(1, 0), "a"),
      entry(7, 1, onTask(1, 1), "d"),
      entry(7, 1, onTask(1, 2), "c"),
      // The return of d is lost, and a makes another call.
      exit(7, 1, onTask(1, 2), "c"),
      entry(7, 1, onTask(1, 1) + 8, "b"),
      exit(7, 1, onTask(1, 1) + 8, "b"),
      exit(7, 1, onTask(1, 0), "a"),
    ]),
    [
      "1 a {",
      "1   b {",
      "1     c {",
      "1     } c",
      "1   } b",
      "1 } a",
      "1 a {",
      "1   d {",
      "1     c {",
      "1     } c",
      "1   } d, return lost",
      "1   b {",
      "1   } b",
      "1 } a",
    ],
  );
});

Deno.test("CallTree marks a return without entry, and closes no call by it", () => {
  const { tree, list } = grow([
    exit(7, 0, onTask(1, 5), "x"),
    entry(7, 0, onTask(1, 0), "a"),
    exit(7, 0, onTask(1, 1), "b"),
    // The right function at another frame, and another function at the right frame.
    exit(7, 0, onTask(1, 2), "a"),
    exit(8, 0, onTask(1, 0), "a"),
    exit(7, 0, onTask(1, 0), "a"),
  ]);
  assert.deepEqual(list.lines(), [
    "0 orphan x",
    "0 a {",
    "0   orphan b",
    "0   orphan a",
    "0 orphan a",
    "0 } a",
  ]);
  assert.equal(tree.orphans, 4);
});

Deno.test("CallTree closes calls whose return was lost when their caller returns", () => {
  const { tree, list } = grow([
    entry(7, 0, onTask(1, 0), "a"),
    entry(7, 0, onTask(1, 1), "b"),
    entry(7, 0, onTask(1, 2), "c"),
    exit(7, 1, onTask(1, 0), "a"),
  ]);
  assert.deepEqual(list.lines(), [
    "0 a {",
    "0   b {",
    "0     c {",
    "1     } c, return lost",
    "1   } b, return lost",
    "1 } a",
  ]);
  assert.equal(tree.abandoned, 2);
  assert.equal(tree.callsOpen, 0);
});

Deno.test("CallTree closes calls whose return was lost when their caller makes another call", () => {
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "a"),
      entry(7, 0, onTask(1, 3), "b"),
      entry(7, 0, onTask(1, 4), "c"),
      ...call(7, 0, onTask(1, 2), "d"),
      exit(7, 0, onTask(1, 0), "a"),
    ]),
    [
      "0 a {",
      "0   b {",
      "0     c {",
      "0     } c, return lost",
      "0   } b, return lost",
      "0   d {",
      "0   } d",
      "0 } a",
    ],
  );
});

Deno.test("CallTree closes a call whose return was lost when its function is entered at its frame", () => {
  assert.deepEqual(
    lines([
      entry(0, 0, onInterrupt(0, 0), "a"),
      entry(0, 0, onInterrupt(0, 0), "b"),
      ...call(0, 0, onInterrupt(0, 0), "a"),
    ]),
    ["0 a {", "0   b {", "0   } b, return lost", "0 } a, return lost", "0 a {", "0 } a"],
  );
});

Deno.test("CallTree takes the next call at a lost return's frame for a tail call, and no further one", () => {
  const frame = onTask(1, 1);
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "p"),
      entry(7, 0, frame, "a"), // its return is missing
      ...call(7, 0, frame, "b"),
      ...call(7, 0, frame, "c"),
      exit(7, 0, onTask(1, 0), "p"),
    ]),
    [
      "0 p {",
      "0   a {",
      "0     b {",
      "0     } b",
      "0   } a, return lost",
      "0   c {",
      "0   } c",
      "0 } p",
    ],
  );
});

Deno.test("CallTree closes the calls that a return without entry shows to be over", () => {
  const frame = onTask(1, 1);
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "p"),
      entry(7, 0, frame, "a"), // its return is missing
      entry(7, 0, onTask(1, 2), "b"), // and its
      exit(7, 0, frame, "c"), // and this one's entry
      entry(7, 0, frame, "d"),
    ]),
    [
      "0 p {",
      "0   a {",
      "0     b {",
      "0     } b, return lost",
      "0     orphan c",
      "0   } a, return lost",
      "0   d {",
    ],
  );
});

Deno.test("CallTree keeps a task's calls open through an interrupt at a higher address", () => {
  const stack = 0x1c03000 - 0xb000;
  const records = [
    entry(7, 0, stack + 0x3000, "a"),
    ...call(7, 0, onInterrupt(0, 0), "s"),
    exit(7, 0, stack + 0x3000, "a"),
  ];
  assert.deepEqual(linesBehind(interrupts(0), records), ["0 a {", "0   s {", "0   } s", "0 } a"]);
});

Deno.test("CallTree closes an interrupt's call whose return was lost when its task goes on", () => {
  const lost = [entry(7, 0, onInterrupt(0, 0), "s"), entry(7, 0, onInterrupt(0, 1), "t")];
  const expected = ["0   } t, return lost", "0 } s, return lost"];
  assert.deepEqual(
    linesBehind(interrupts(0), [...lost, ...call(7, 0, onTask(1, 0), "a")]),
    ["0 s {", "0   t {", ...expected, "0 a {", "0 } a"],
  );
  assert.deepEqual(
    linesBehind(interrupts(0), [...lost, exit(7, 0, onTask(1, 0), "a")]),
    ["0 s {", "0   t {", ...expected, "0 orphan a"],
    "and a return without entry is enough",
  );
});

Deno.test("CallTree closes an interrupt's call when its task goes on, before it knows the stacks", () => {
  assert.deepEqual(
    lines([
      entry(7, 0, onTask(1, 0), "a"),
      entry(7, 0, onInterrupt(0, 0), "s"), // its return is missing
      ...call(7, 0, onTask(1, 1), "b"),
      exit(7, 0, onTask(1, 0), "a"),
    ]),
    ["0 a {", "0   s {", "0   } s, return lost", "0   b {", "0   } b", "0 } a"],
  );
});

Deno.test("CallTree closes the calls of an ended task when its thread id is used again", () => {
  assert.deepEqual(
    linesBehind(interrupts(0), [
      entry(7, 0, onTask(1, 0), "a"),
      ...call(7, 0, onTask(2, 5), "b"),
    ]),
    ["0 a {", "0 } a, return lost", "0 b {", "0 } b"],
    "on another stack",
  );
  assert.deepEqual(
    lines([entry(7, 0, onTask(1, 3), "a"), ...call(7, 0, onTask(1, 1), "b")]),
    ["0 a {", "0 } a, return lost", "0 b {", "0 } b"],
    "on the same stack",
  );
});

Deno.test("CallTree closes all calls of a task that has impossibly many", () => {
  const records: CallRecord[] = [];
  for (let index = 0; index <= MAX_DEPTH; index++) {
    records.push(entry(7, 0, 0xa0003ff8 - 8 * index, "a"));
  }
  const { tree, list } = grow(records);
  const depths = list.steps.slice(0, 2 * MAX_DEPTH).map((step) => step.depth);
  const down = Array.from({ length: MAX_DEPTH }, (_, depth) => depth);
  assert.deepEqual(depths, [...down, ...down.toReversed()]);
  assert.equal(list.lines().at(-1), "0 a {");
  assert.equal(tree.abandoned, MAX_DEPTH);
});

Deno.test("CallTree forgets tasks without open calls, however many come and go", () => {
  const list = new StepList();
  const tree = new CallTree(list, FUNCTIONS);
  feed(tree, entry(7, 0, onTask(1, 0), "a"));
  for (let task = 100; task < 100 + 3 * MAX_CONTEXTS; task++) {
    for (const record of call(task, 1, onTask(2, 0), "b")) feed(tree, record);
  }
  feed(tree, exit(7, 0, onTask(1, 0), "a"));
  assert.equal(tree.abandoned + tree.orphans, 0);
  assert.equal(list.steps.length, 2 + 6 * MAX_CONTEXTS);
  assert.equal(list.steps.at(-1)?.kind, "leave");
});

Deno.test("CallTree passes the last contexts on among tasks that come and go", () => {
  const list = new StepList();
  const tree = new CallTree(list, FUNCTIONS);
  const open = MAX_CONTEXTS - 3;
  for (let task = 1; task <= open; task++) feed(tree, entry(task, 1, onTask(task, 0), "b"));
  // Looking through all contexts for each took this several seconds.
  for (let task = open + 1; task < 10 * MAX_CONTEXTS; task++) {
    for (const record of call(task, 1, onTask(2, 0), "a")) feed(tree, record);
  }
  for (let task = 1; task <= open; task++) feed(tree, exit(task, 1, onTask(task, 0), "b"));
  assert.equal(tree.abandoned + tree.orphans + tree.callsOpen, 0);
  assert.equal(list.steps.length, 2 * (10 * MAX_CONTEXTS - 1));
});

Deno.test("CallTree closes the oldest calls where too many tasks end without returning", () => {
  const list = new StepList();
  const tree = new CallTree(list, FUNCTIONS);
  for (let task = 100; task < 100 + MAX_CONTEXTS; task++) {
    feed(tree, entry(task, 1, onTask(task, 0), "b"));
  }
  assert.equal(tree.abandoned, 0);
  feed(tree, entry(7, 0, onTask(1, 0), "a"));
  assert.ok(tree.abandoned > 0 && tree.abandoned <= MAX_CONTEXTS / 2, `${tree.abandoned}`);
  assert.equal(tree.callsOpen, MAX_CONTEXTS + 1 - tree.abandoned);
  feed(tree, exit(7, 0, onTask(1, 0), "a"));
  feed(tree, exit(99 + MAX_CONTEXTS, 1, onTask(99 + MAX_CONTEXTS, 0), "b"));
  feed(tree, exit(100, 1, onTask(100, 0), "b"));
  assert.deepEqual(list.steps.slice(-3).map((step) => step.kind), ["leave", "leave", "orphan"]);
});

Deno.test("finish() closes what is open, the innermost call first", () => {
  const { tree, list } = grow([
    entry(7, 0, onTask(1, 0), "a"),
    entry(8, 1, onTask(2, 0), "x"),
    entry(7, 2, onTask(1, 1), "b"),
    entry(8, 1, onTask(2, 1), "y"),
  ]);
  const last = list.steps.at(-1)?.time;
  tree.finish();
  assert.deepEqual(list.lines().slice(4), [
    "2   } b, trace ended",
    "0 } a, trace ended",
    "1   } y, trace ended",
    "1 } x, trace ended",
  ]);
  assert.equal(list.steps.at(-1)?.time, last);
  assert.equal(tree.callsOpen, 0);
  assert.equal(tree.abandoned, 0);
  tree.finish();
  assert.equal(list.steps.length, 8);
});

Deno.test("finish() says of calls that were open when records were lost that their returns were", () => {
  const { tree, list } = grow([
    entry(7, 0, onTask(1, 0), "a"),
    entry(7, 0, onTask(1, 1), "b"),
    entry(8, 1, onTask(2, 0), "c"),
    entry(8, 1, onTask(2, 1), "d"),
  ]);
  tree.lost(0);
  // Behind the loss: one task goes on in a call, and another one begins.
  for (const record of [exit(8, 1, onTask(2, 1), "d"), entry(9, 2, onTask(3, 0), "e")]) {
    feed(tree, record);
  }
  tree.finish();
  assert.deepEqual(list.lines().slice(6), [
    "0   } b, return lost",
    "0 } a, return lost",
    "1 } c, trace ended",
    "2 } e, trace ended",
  ]);
  assert.equal(tree.abandoned, 2);
});

Deno.test("lost() counts for the records that were on their way, and not for those behind them", () => {
  const { tree, list } = grow([]);
  tree.lost(1);
  feed(tree, entry(7, 0, onTask(1, 0), "a"));
  feed(tree, entry(8, 1, onTask(2, 0), "b"));
  tree.finish();
  assert.deepEqual(list.lines().slice(2), ["0 } a, return lost", "1 } b, trace ended"]);
});

Deno.test("CallTree says when and where each step was seen", () => {
  const { list } = grow([
    { ...entry(7, 1, onTask(1, 0), "a"), time: 0x1_8000_0000n },
    { ...entry(7, 2, onTask(1, 1), "b"), time: 0xffff_ffff_ffff_fffen },
    { ...exit(7, 65535, onTask(1, 0), "a"), time: 3n },
  ]);
  assert.deepEqual(list.steps.map(({ time, cpu }) => [time, cpu]), [
    [0x1_8000_0000n, 1],
    [0xffff_ffff_ffff_fffen, 2],
    [3n, 65535],
    [3n, 65535],
  ]);
});

Deno.test("CallTree takes no more calls than the limit has room for with both their steps", () => {
  const records = [
    entry(7, 0, onTask(1, 0), "a"),
    ...call(7, 0, onTask(1, 1), "b"),
    ...call(7, 0, onTask(1, 1), "c"),
    exit(7, 0, onTask(1, 0), "a"),
    ...call(7, 0, onTask(1, 0), "d"),
  ];
  const expected = ["0 a {", "0   b {", "0   } b", "0 } a"];
  for (const limit of [4, 5]) {
    const { tree, list } = grow(records, { limit });
    assert.deepEqual(list.lines(), expected, `limit ${limit}`);
    assert.deepEqual([tree.full, tree.done], [true, true]);
    assert.deepEqual([tree.calls, tree.functions, tree.orphans], [2, 2, 0]);
  }
  assert.deepEqual(lines(records, { limit: 8 }), lines(records));
});

Deno.test("CallTree is full once the limit is used up, and done once all calls are closed", () => {
  const list = new StepList();
  const tree = new CallTree(list, FUNCTIONS, { limit: 4 });
  const states = [
    entry(7, 0, onTask(1, 0), "a"),
    entry(8, 1, onTask(2, 0), "b"),
    entry(7, 0, onTask(1, 1), "c"),
    exit(7, 0, onTask(1, 1), "c"),
    exit(7, 0, onTask(1, 0), "a"),
    exit(8, 1, onTask(2, 0), "b"),
  ].map((record) => {
    feed(tree, record);
    return [tree.full, tree.callsOpen, tree.done];
  });
  assert.deepEqual(states, [
    [false, 1, false],
    [true, 2, false],
    [true, 2, false],
    [true, 2, false],
    [true, 1, false],
    [true, 0, true],
  ]);
  assert.equal(list.steps.length, 4);
});

Deno.test("CallTree with a limit below two is done from the start", () => {
  for (const limit of [0, 1]) {
    const { tree, list } = grow(call(7, 0, onTask(1, 0), "a"), { limit });
    assert.equal(list.steps.length, 0);
    assert.ok(tree.done);
  }
});

Deno.test("CallTree counts orphans against the limit, and has none behind it", () => {
  const records = [
    exit(7, 0, onTask(1, 0), "x"),
    ...call(7, 0, onTask(1, 0), "a"),
    exit(7, 0, onTask(1, 0), "y"),
    exit(7, 0, onTask(1, 0), "y"),
  ];
  assert.deepEqual(lines(records, { limit: 3 }), ["0 orphan x", "0 a {", "0 } a"]);
  assert.deepEqual(lines(records, { limit: 2 }), ["0 orphan x"]);
});

Deno.test("CallTree still closes calls whose return was lost behind the limit", () => {
  const { tree, list } = grow([
    entry(7, 0, onTask(1, 1), "a"), // its return is missing
    entry(7, 0, onTask(1, 0), "b"),
  ], { limit: 2 });
  assert.deepEqual(list.lines(), ["0 a {", "0 } a, return lost"]);
  assert.ok(tree.done);
});

Deno.test("CallTree counts records, calls and functions", () => {
  const { tree } = grow([
    entry(7, 0, onTask(1, 0), "a"),
    ...call(7, 0, onTask(1, 1), "b"),
    ...call(7, 0, onTask(1, 1), "b"),
  ]);
  assert.deepEqual(
    [tree.records, tree.calls, tree.functions, tree.callsOpen, tree.malformed],
    [5, 3, 2, 1, 0],
  );
  assert.deepEqual([tree.full, tree.done], [false, false]);
});

Deno.test("CallTree skips records of functions that are not in the table and of unknown kinds", () => {
  const list = new StepList();
  const tree = new CallTree(list, 2);
  feed(tree, { ...entry(7, 0, onTask(1, 0), "a"), fn: 2 });
  feed(tree, { ...exit(7, 0, onTask(1, 0), "a"), fn: 0xffffffff });
  for (const kind of [0, 8, 255]) tree.record(new Uint32Array([0, 0, 7, 1, 1, kind << 16]), 0, 24);
  assert.equal(tree.malformed, 5);
  assert.equal(list.steps.length, 0);
});

Deno.test("CallTree can still be finished when its sink has thrown", () => {
  let broken = true;
  class Failing extends StepList {
    override enter(...args: Parameters<StepList["enter"]>): void {
      super.enter(...args);
      if (broken) throw new Error("closed");
    }
  }
  const list = new Failing();
  const tree = new CallTree(list, FUNCTIONS);
  assert.throws(() => feed(tree, entry(7, 0, onTask(1, 0), "a")), /closed/);
  broken = false;
  tree.finish();
  assert.deepEqual(list.lines(), ["0 a {", "0 } a, trace ended"]);
});
