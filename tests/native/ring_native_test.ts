import assert from "node:assert/strict";
import {
  CONTROL_READER_WAITS,
  COUNTER_LOST,
  COUNTER_RECORDED,
  COUNTERS_BYTES,
} from "../../src/probe/layout.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  FUNCTION_MASK,
  KIND_ENTRY,
  KIND_RETURN,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";
import { addressOf, libc, SystemError } from "../../src/sys/libc.ts";
import { Poller } from "../../src/sys/poller.ts";
import { SharedMemory } from "../../src/sys/shared_memory.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { TestRing } from "../support/loaded_object.ts";
import { Random } from "../support/random.ts";
import type { Order } from "./record_worker.ts";

// Real records, from a program that the kernel runs on request.

const SEED = 0x7196;
const PAGE = 4096;
/** Bytes that a record takes in the ring, with its header. */
const TAKEN = 8 + EVENT_BYTES;
/** Records that find room in a ring of one page: the kernel never fills the last byte. */
const ROOM = PAGE / TAKEN - 1;
/** Longer than any test may take: a wait that ends sooner was ended. */
const LONG_MS = 30_000;
const SHORT_MS = 20;

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

interface Record {
  readonly timestamp: bigint;
  readonly task: number;
  readonly frame: number;
  readonly function: number;
  readonly slot: number;
  readonly cpu: number;
  readonly kind: number;
  readonly generation: number;
}

class Collector implements RecordSink {
  readonly records: Record[] = [];

  record(words: Uint32Array, at: number, bytes: number): void {
    assert.equal(bytes, EVENT_BYTES);
    const high = BigInt(words[at + TIMESTAMP_HIGH]!);
    this.records.push({
      timestamp: high << 32n | BigInt(words[at + TIMESTAMP_LOW]!),
      task: words[at + TASK]!,
      frame: words[at + FRAME]!,
      function: words[at + CALL]! & FUNCTION_MASK,
      slot: words[at + CALL]! >>> 16,
      cpu: words[at + CPU_AND_KIND]! & 0xffff,
      kind: words[at + CPU_AND_KIND]! >>> 16 & 0xff,
      generation: words[at + CPU_AND_KIND]! >>> 24,
    });
  }

  get frames(): number[] {
    return this.records.map(({ frame }) => frame);
  }
}

const SYS_GETTID = 186n; // x86-64
const SYS_CLOCK_GETTIME = 228n; // x86-64
const CLOCK_MONOTONIC = 1n;

/** Nanoseconds of CLOCK_MONOTONIC. */
function now(): bigint {
  const time = new BigUint64Array(2);
  libc().syscall(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, addressOf(time), 0n, 0n, 0n, 0n);
  return time[0]! * 1_000_000_000n + time[1]!;
}

function threadId(): number {
  return Number(libc().syscall(SYS_GETTID, 0n, 0n, 0n, 0n, 0n, 0n));
}

/** The numbers from `first` up to, and without, `end`. */
function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

test("a record carries its time, task, frame, function, packet, CPU and kind", async () => {
  using ring = await TestRing.open(PAGE);
  const before = now();
  ring.program.run(0xab_1234_fffen, KIND_ENTRY, 0xffffc900_8765_4321n);
  ring.program.run(7n, KIND_RETURN, 8n);
  const after = now();
  const collector = new Collector();
  assert.equal(ring.reader.drain(collector, Infinity), 2 * TAKEN);
  const [entry, ret] = collector.records as [Record, Record];
  assert.ok(before <= entry.timestamp && entry.timestamp <= ret.timestamp);
  assert.ok(ret.timestamp <= after);
  assert.ok(entry.cpu < ring.cpus);
  const { timestamp: _time, cpu: _cpu, ...rest } = entry;
  assert.deepEqual(rest, {
    task: threadId(),
    frame: 0x8765_4321,
    function: 0xfffe,
    slot: 0x1234,
    kind: KIND_ENTRY,
    generation: 0xab,
  });
  assert.deepEqual([ret.function, ret.frame, ret.kind], [7, 8, KIND_RETURN]);
});

test("records come in order over many times the size of the ring", async () => {
  const random = new Random(SEED);
  using ring = await TestRing.open(2 * PAGE);
  const collector = new Collector();
  const total = 100 * 2 * PAGE / TAKEN;
  let written = 0;
  while (written < total) {
    const room = 2 * PAGE / TAKEN - 1 - ring.reader.pending / TAKEN;
    for (let batch = random.int(room + 1); batch > 0; batch--) {
      ring.program.run(0n, KIND_ENTRY, BigInt(written++));
    }
    // The reader stops at different places of the ring.
    ring.reader.drain(collector, random.int(4 * PAGE));
  }
  ring.reader.drain(collector, Infinity);
  assert.deepEqual(collector.frames, range(0, written));
  assert.deepEqual(ring.counters.read(), { recorded: written, lost: 0, untracked: 0 });
  console.log(`${written} records, seed ${SEED}`);
});

test("records that find no room are counted as lost, and the ring goes on when there is room", async () => {
  using ring = await TestRing.open(PAGE);
  for (let frame = 0; frame < 1000; frame++) ring.program.run(0n, KIND_ENTRY, BigInt(frame));
  assert.deepEqual(ring.counters.read(), { recorded: ROOM, lost: 1000 - ROOM, untracked: 0 });
  assert.equal(ring.reader.pending, ROOM * TAKEN);

  const collector = new Collector();
  ring.reader.drain(collector, Infinity);
  assert.deepEqual(collector.frames, range(0, ROOM));
  ring.program.run(0n, KIND_ENTRY, 5000n);
  ring.reader.drain(collector, Infinity);
  assert.equal(collector.frames.at(-1), 5000);
  assert.deepEqual(ring.counters.read(), { recorded: ROOM + 1, lost: 1000 - ROOM, untracked: 0 });
});

test("records and losses are counted on the CPU they happen on", async () => {
  using ring = await TestRing.open(PAGE);
  const online = onlineCpus();
  // Each CPU its own number; the last records find the ring full.
  for (const cpu of online) {
    for (let count = 0; count <= cpu; count++) ring.program.run(0n, KIND_ENTRY, 0n, cpu);
  }
  const collector = new Collector();
  ring.reader.drain(collector, Infinity);
  const expected = online.flatMap((cpu) => Array.from({ length: cpu + 1 }, () => cpu));
  assert.deepEqual(collector.records.map(({ cpu }) => cpu), expected);

  const last = online.at(-1)!;
  for (let count = 0; count < ROOM + 3; count++) ring.program.run(0n, KIND_ENTRY, 0n, last);
  const bytes = ring.cpus * COUNTERS_BYTES;
  using memory = new SharedMemory("the counters", ring.object.mapFd("counters"), bytes);
  const counters = new DataView(memory.view(0, bytes));
  for (const cpu of online) {
    const at = cpu * COUNTERS_BYTES;
    const recorded = Number(counters.getBigUint64(at + COUNTER_RECORDED, true));
    assert.equal(recorded, cpu + 1 + (cpu === last ? ROOM : 0), `CPU ${cpu}`);
    const lost = Number(counters.getBigUint64(at + COUNTER_LOST, true));
    assert.equal(lost, cpu === last ? 3 : 0, `CPU ${cpu}`);
  }
  assert.deepEqual(ring.counters.read(), {
    recorded: expected.length + ROOM,
    lost: 3,
    untracked: 0,
  });
});

/** CPUs that run, of a list such as `0-3,5`. */
function onlineCpus(): number[] {
  const list = Deno.readTextFileSync("/sys/devices/system/cpu/online").trim();
  return list.split(",").flatMap((part) => {
    const [first, last] = part.split("-").map(Number) as [number, number | undefined];
    return range(first, (last ?? first) + 1);
  });
}

/** Looks at records of the worker at once, while a half written one would still be one. */
class Checker implements RecordSink {
  count = 0;
  /** Records that are not complete, or older than the one before. */
  broken = 0;
  #frame = -1;
  #time = 0;

  record(words: Uint32Array, at: number): void {
    const kind = words[at + CPU_AND_KIND]! >>> 16;
    const frame = words[at + FRAME]!;
    const call = words[at + CALL]!;
    const time = words[at + TIMESTAMP_HIGH]! * 2 ** 32 + words[at + TIMESTAMP_LOW]!;
    const complete = kind === KIND_ENTRY && frame === call && frame > this.#frame;
    if (!complete || time < this.#time) this.broken++;
    this.#frame = frame;
    this.#time = time;
    this.count++;
  }
}

test("a reader alongside the writer loses no record, and sees none half written", async () => {
  using ring = await TestRing.open(64 * PAGE);
  const program = ring.object.programFd("vrft_test_record");
  const runs = 50_000;
  const finished = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./record_worker.ts", import.meta.url), { type: "module" });
  const failed = new Promise<never>((_resolve, reject) => {
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  try {
    worker.postMessage({ program, runs, finished } satisfies Order);
    using poller = new Poller(ring.object.mapFd("events"));
    ring.control[CONTROL_READER_WAITS / 4] = 1;
    await Promise.race([assertEnds(poller), failed]);

    const checker = new Checker();
    while (Atomics.load(finished, 0) === 0) ring.reader.drain(checker, Infinity);
    ring.reader.drain(checker, Infinity);
    const { recorded, lost } = ring.counters.read();
    assert.equal(recorded + lost, runs);
    assert.deepEqual([checker.count, checker.broken], [recorded, 0]);
    console.log(`${recorded} of ${runs} records found room`);
  } finally {
    worker.terminate();
  }
});

/** That nothing ends a wait, which takes all its time but for the clock's rounding. */
async function assertTimesOut(poller: Poller): Promise<void> {
  const start = performance.now();
  await poller.wait(SHORT_MS);
  assert.ok(performance.now() - start > SHORT_MS - 2);
}

/** That something ends a wait. */
async function assertEnds(poller: Poller): Promise<void> {
  const start = performance.now();
  await poller.wait(LONG_MS);
  assert.ok(performance.now() - start < LONG_MS / 2);
}

test("a reader that waits is woken by the next record, once", async () => {
  using ring = await TestRing.open(PAGE);
  using poller = new Poller(ring.object.mapFd("events"));
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  const woken = assertEnds(poller);
  ring.program.run(0n, KIND_ENTRY, 1n);
  await woken;
  assert.equal(ring.control[CONTROL_READER_WAITS / 4], 0);
  assert.equal(ring.reader.pending, TAKEN);

  // The flag has been taken back: the records behind it are written in silence.
  ring.program.run(0n, KIND_ENTRY, 2n);
  await assertTimesOut(poller);
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  ring.program.run(0n, KIND_ENTRY, 3n);
  await assertEnds(poller);
});

test("a reader that does not wait is not woken", async () => {
  using ring = await TestRing.open(PAGE);
  using poller = new Poller(ring.object.mapFd("events"));
  ring.program.run(0n, KIND_ENTRY, 1n);
  await assertTimesOut(poller);
  assert.equal(ring.reader.pending, TAKEN);
});

test("a record that finds no room wakes nobody, and leaves the flag to one that does", async () => {
  using ring = await TestRing.open(PAGE);
  for (let count = 0; count < ROOM; count++) ring.program.run(0n, KIND_ENTRY, 0n);
  using poller = new Poller(ring.object.mapFd("events"));
  // There is input from the start, which epoll says once.
  await assertEnds(poller);
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  ring.program.run(0n, KIND_ENTRY, 0n);
  await assertTimesOut(poller);
  assert.equal(ring.control[CONTROL_READER_WAITS / 4], 1);
});

test("wake() ends a wait for records", async () => {
  using ring = await TestRing.open(PAGE);
  using poller = new Poller(ring.object.mapFd("events"));
  setTimeout(() => poller.wake(), 1);
  await assertEnds(poller);
});

test("a second reader begins where the first one ended", async () => {
  using ring = await TestRing.open(PAGE);
  ring.program.run(0n, KIND_ENTRY, 1n);
  ring.reader.drain(new Collector(), Infinity);
  ring.program.run(0n, KIND_ENTRY, 2n);
  using mapping = new RingMapping(ring.object.mapFd("events"), PAGE);
  const collector = new Collector();
  new RingReader(mapping.memory).drain(collector, Infinity);
  assert.deepEqual(collector.frames, [2]);
});

test("RingMapping fails when the map is no ring, or not that large", async () => {
  using ring = await TestRing.open(PAGE);
  const cases = [[ring.object.mapFd("interfaces"), PAGE], [ring.object.mapFd("events"), 4 * PAGE]];
  for (const [fd, bytes] of cases as [number, number][]) {
    assert.throws(
      () => new RingMapping(fd, bytes),
      (error) =>
        error instanceof SystemError && /^Cannot map .* the ring buffer: /.test(error.message),
    );
  }
});
