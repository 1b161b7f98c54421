import assert from "node:assert/strict";
import { Doorbell } from "../../src/probe/doorbell.ts";
import {
  CONTROL_READER_WAITS,
  RING_BYTES,
  RING_HEAD,
  RING_LIMIT,
  RING_LOST,
} from "../../src/probe/layout.ts";
import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  FUNCTION_MASK,
  KIND_ENTRY,
  KIND_LONG,
  KIND_RETURN,
  LONG_BYTES,
  type RecordSink,
  RESULT_HIGH,
  RESULT_LOW,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";
import { monotonicClock } from "../../src/sys/clock.ts";
import { onlineCpus } from "../../src/sys/cpus.ts";
import { addressOf, libc, SystemError } from "../../src/sys/libc.ts";
import { Poller } from "../../src/sys/poller.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { TestRing } from "../support/loaded_object.ts";
import { Random } from "../support/random.ts";
import type { Order } from "./record_worker.ts";

// Real records, from a program that the kernel runs on request.

const SEED = 0x7196;
const PAGE = 4096;
const MIB = 2 ** 20;
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

const SYS_SCHED_SETAFFINITY = 203n; // x86-64
const SYS_SCHED_GETAFFINITY = 204n; // x86-64

/** Keeps this thread on the first of its CPUs until it is disposed of. */
function onOneCpu(): Disposable & { readonly cpu: number } {
  // For CONFIG_NR_CPUS=8192; what the kernel does not fill in stays 0.
  const allowed = new Uint8Array(1024);
  const call = (number: bigint, mask: Uint8Array<ArrayBuffer>): void => {
    const size = BigInt(mask.length);
    assert.ok(libc().syscall(number, 0n, size, addressOf(mask), 0n, 0n, 0n) >= 0n);
  };
  call(SYS_SCHED_GETAFFINITY, allowed);
  const byte = allowed.findIndex((bits) => bits !== 0);
  const bit = Math.log2(allowed[byte]! & -allowed[byte]!);
  const one = new Uint8Array(allowed.length);
  one[byte] = 1 << bit;
  call(SYS_SCHED_SETAFFINITY, one);
  return {
    cpu: byte * 8 + bit,
    [Symbol.dispose]: () => call(SYS_SCHED_SETAFFINITY, allowed),
  };
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
  // On another CPU it would be an interrupt that runs the program, in any task.
  using thread = onOneCpu();
  const { cpu } = thread;
  const before = now();
  ring.program.run(0xab_1234_fffen, KIND_ENTRY, 0xffffc900_8765_4321n, cpu);
  ring.program.run(7n, KIND_RETURN, 8n, cpu);
  const after = now();
  const collector = new Collector();
  assert.equal(ring.reader.drain(collector, Infinity), 2 * EVENT_BYTES);
  const [entry, ret] = collector.records as [Record, Record];
  assert.ok(before <= entry.timestamp && entry.timestamp <= ret.timestamp);
  assert.ok(ret.timestamp <= after);
  const { timestamp: _time, task, ...rest } = entry;
  assert.equal(task, threadId());
  assert.deepEqual(rest, {
    frame: 0x8765_4321,
    function: 0x7ffe,
    slot: 0x1234,
    cpu,
    kind: KIND_ENTRY,
    generation: 0xab,
  });
  assert.deepEqual([ret.function, ret.frame, ret.kind], [7, 8, KIND_RETURN]);
});

test("long records of calls stand among short ones", async () => {
  using ring = await TestRing.open(PAGE);
  const [cpu] = onlineCpus() as [number];
  const seen: unknown[] = [];
  // Over the end of the ring many times.
  for (let round = 0; round < 500; round++) {
    ring.program.run(5n, KIND_ENTRY | KIND_LONG, 0x39_0000_0000n + BigInt(round), cpu);
    ring.program.run(6n, KIND_ENTRY, 7n, cpu);
    ring.program.run(6n, KIND_RETURN | KIND_LONG, 0xffff_fff4_0000_0007n, cpu);
    seen.length = 0;
    ring.reader.drain({
      record(words, at, bytes): void {
        const kind = words[at + CPU_AND_KIND]! >>> 16 & 0xff;
        const more = kind & KIND_LONG ? [words[at + RESULT_LOW], words[at + RESULT_HIGH]] : [];
        seen.push([words[at + CALL]! & FUNCTION_MASK, kind, words[at + FRAME], bytes, ...more]);
      },
    }, Infinity);
    assert.deepEqual(seen, [
      [5, KIND_ENTRY | KIND_LONG, round, LONG_BYTES, round, 0x39],
      [6, KIND_ENTRY, 7, EVENT_BYTES],
      [6, KIND_RETURN | KIND_LONG, 7, LONG_BYTES, 7, 0xffff_fff4],
    ]);
  }
  assert.deepEqual(ring.counters.read(), { recorded: 1500, lost: 0, untracked: 0 });
});

test("records of all CPUs come in order over many times the size of the rings", async () => {
  const random = new Random(SEED);
  using ring = await TestRing.open(2 * PAGE);
  const cpus = onlineCpus();
  const collector = new Collector();
  let written = 0;
  while (written < 100 * ring.room) {
    const batch = random.int(ring.room - ring.reader.recordsPending + 1);
    for (let count = 0; count < batch; count++) {
      ring.program.run(0n, KIND_ENTRY, BigInt(written++), random.pick(cpus));
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
  const { room } = ring;
  for (let frame = 0; frame < 1000; frame++) ring.program.run(0n, KIND_ENTRY, BigInt(frame), 0);
  assert.deepEqual(ring.counters.read(), { recorded: room, lost: 1000 - room, untracked: 0 });
  assert.equal(ring.reader.recordsPending, room);

  const collector = new Collector();
  ring.reader.drain(collector, Infinity);
  assert.deepEqual(collector.frames, range(0, room));
  ring.program.run(0n, KIND_ENTRY, 5000n, 0);
  ring.reader.drain(collector, Infinity);
  assert.equal(collector.frames.at(-1), 5000);
  assert.deepEqual(ring.counters.read(), { recorded: room + 1, lost: 1000 - room, untracked: 0 });
});

test("records and losses are counted on the CPU they happen on", async () => {
  using ring = await TestRing.open(PAGE);
  const { room } = ring;
  const online = onlineCpus();
  // Each CPU its own number.
  for (const cpu of online) {
    for (let count = 0; count <= cpu; count++) ring.program.run(0n, KIND_ENTRY, 0n, cpu);
  }
  const collector = new Collector();
  ring.reader.drain(collector, Infinity);
  const expected = online.flatMap((cpu) => Array.from({ length: cpu + 1 }, () => cpu));
  assert.deepEqual(collector.records.map(({ cpu }) => cpu), expected);

  // One CPU's ring is full, the others' are not.
  const last = online.at(-1)!;
  for (let count = 0; count < room + 3; count++) ring.program.run(0n, KIND_ENTRY, 0n, last);
  const rings = new DataView(ring.object.rings);
  for (const cpu of online) {
    const at = cpu * RING_BYTES;
    const recorded = Number(rings.getBigUint64(at + RING_HEAD, true));
    assert.equal(recorded, cpu + 1 + (cpu === last ? room : 0), `CPU ${cpu}`);
    const lost = Number(rings.getBigUint64(at + RING_LOST, true));
    assert.equal(lost, cpu === last ? 3 : 0, `CPU ${cpu}`);
  }
  assert.deepEqual(ring.counters.read(), {
    recorded: expected.length + room,
    lost: 3,
    untracked: 0,
  });
});

/** Looks at records of the workers at once, while a half written one would still be one. */
class Checker implements RecordSink {
  count = 0;
  /** Records that are not complete, or out of their worker's order. */
  broken = 0;
  /** Records older than the one before. */
  older = 0;
  readonly #frames: number[] = [];
  #time = 0;

  record(words: Uint32Array, at: number): void {
    const kind = words[at + CPU_AND_KIND]! >>> 16 & 0xff;
    const worker = words[at + CPU_AND_KIND]! >>> 24;
    const frame = words[at + FRAME]!;
    const call = words[at + CALL]!;
    const time = words[at + TIMESTAMP_HIGH]! * 2 ** 32 + words[at + TIMESTAMP_LOW]!;
    const complete = kind === KIND_ENTRY && (frame & ~0x8000) === call &&
      frame > (this.#frames[worker] ?? -1);
    if (!complete) this.broken++;
    if (time < this.#time) this.older++;
    this.#frames[worker] = frame;
    this.#time = time;
    this.count++;
  }
}

/** Has two threads write `runs` records each, on the given CPUs, and reads them meanwhile. */
async function readAlongside(
  ring: TestRing,
  runs: number,
  cpus: readonly [number, number],
): Promise<Checker> {
  const program = ring.object.programFd("vrft_test_record");
  const finished = new Int32Array(new SharedArrayBuffer(4));
  const workers = cpus.map(() =>
    new Worker(new URL("./record_worker.ts", import.meta.url), { type: "module" })
  );
  const failed = new Promise<never>((_resolve, reject) => {
    for (const worker of workers) {
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    }
  });
  try {
    using doorbell = new Doorbell(ring.object.mapFd("doorbell"));
    using poller = new Poller(doorbell.fd);
    ring.control[CONTROL_READER_WAITS / 4] = 1;
    for (const [index, worker] of workers.entries()) {
      const cpu = cpus[index]!;
      worker.postMessage({ program, runs, cpu, worker: index, finished } satisfies Order);
    }
    await Promise.race([assertEnds(poller), failed]);
    const checker = new Checker();
    while (Atomics.load(finished, 0) < workers.length) ring.reader.drain(checker, Infinity);
    ring.reader.drain(checker, Infinity);
    return checker;
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

const [FIRST, LAST] = [onlineCpus()[0]!, onlineCpus().at(-1)!] as const;

test("a reader alongside writers on two CPUs loses no record, and gets them in order", async () => {
  // Two blocks for each of two CPUs.
  using ring = await TestRing.open(16 * MIB);
  const runs = 150_000;
  const { count, broken, older } = await readAlongside(ring, runs, [FIRST, LAST]);
  assert.deepEqual(ring.counters.read(), { recorded: 2 * runs, lost: 0, untracked: 0 });
  assert.deepEqual({ count, broken, older }, { count: 2 * runs, broken: 0, older: 0 });
  assert.equal(ring.reader.stalls, 0);
});

test("a program that interrupts another one takes none of its records", async () => {
  // Of the two threads one is elsewhere at any time: the kernel runs its program by an interrupt.
  using ring = await TestRing.open(16 * MIB);
  const runs = 100_000;
  const { count, broken, older } = await readAlongside(ring, runs, [LAST, LAST]);
  assert.deepEqual(ring.counters.read(), { recorded: 2 * runs, lost: 0, untracked: 0 });
  assert.deepEqual({ count, broken }, { count: 2 * runs, broken: 0 });
  console.log(`${older} records are older than the one before`);
});

test("what two CPUs write into rings that are too small is read or counted as lost", async () => {
  for (const cpus of [[FIRST, LAST], [LAST, LAST]] as const) {
    using ring = await TestRing.open(PAGE);
    const runs = 50_000;
    const { count, broken } = await readAlongside(ring, runs, cpus);
    const { recorded, lost } = ring.counters.read();
    assert.equal(recorded + lost, 2 * runs);
    assert.deepEqual({ count, broken }, { count: recorded, broken: 0 });
    console.log(`${recorded} of ${2 * runs} records found room`);
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
  using doorbell = new Doorbell(ring.object.mapFd("doorbell"));
  using poller = new Poller(doorbell.fd);
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  const woken = assertEnds(poller);
  ring.program.run(0n, KIND_ENTRY, 1n);
  await woken;
  assert.equal(ring.control[CONTROL_READER_WAITS / 4], 0);
  assert.equal(ring.reader.recordsPending, 1);

  // The flag has been taken back: the records behind it are written in silence.
  ring.program.run(0n, KIND_ENTRY, 2n);
  await assertTimesOut(poller);
  doorbell.quiet();
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  ring.program.run(0n, KIND_ENTRY, 3n);
  await assertEnds(poller);
});

test("a reader is woken as often as it waits, and not by an old wake-up", async () => {
  using ring = await TestRing.open(PAGE);
  using doorbell = new Doorbell(ring.object.mapFd("doorbell"));
  using poller = new Poller(doorbell.fd);
  // Many times what the doorbell's page holds.
  for (let count = 0; count < 1000; count++) {
    doorbell.quiet();
    ring.control[CONTROL_READER_WAITS / 4] = 1;
    ring.program.run(0n, KIND_ENTRY, 1n);
    await assertEnds(poller);
    ring.reader.drain({ record: () => {} }, Infinity);
  }
  await assertTimesOut(poller);
});

test("a reader that does not wait is not woken", async () => {
  using ring = await TestRing.open(PAGE);
  using poller = new Poller(ring.object.mapFd("doorbell"));
  ring.program.run(0n, KIND_ENTRY, 1n);
  await assertTimesOut(poller);
  assert.equal(ring.reader.recordsPending, 1);
});

test("a record that finds no room wakes nobody, and leaves the flag to one that does", async () => {
  using ring = await TestRing.open(PAGE);
  for (let count = 0; count < ring.room; count++) ring.program.run(0n, KIND_ENTRY, 0n, 0);
  using poller = new Poller(ring.object.mapFd("doorbell"));
  ring.control[CONTROL_READER_WAITS / 4] = 1;
  ring.program.run(0n, KIND_ENTRY, 0n, 0);
  await assertTimesOut(poller);
  assert.equal(ring.control[CONTROL_READER_WAITS / 4], 1);
});

test("wake() ends a wait for records", async () => {
  using ring = await TestRing.open(PAGE);
  using poller = new Poller(ring.object.mapFd("doorbell"));
  setTimeout(() => poller.wake(), 1);
  await assertEnds(poller);
});

test("a second reader begins where the first one ended", async () => {
  using ring = await TestRing.open(PAGE);
  ring.program.run(0n, KIND_ENTRY, 1n);
  ring.reader.drain(new Collector(), Infinity);
  ring.program.run(0n, KIND_ENTRY, 2n);
  using mapping = new RingMapping(ring.object);
  const collector = new Collector();
  new RingReader(mapping.memory, monotonicClock()).drain(collector, Infinity);
  assert.deepEqual(collector.frames, [2]);
});

test("RingMapping fails when the map is no array to be mapped, or not that large", async () => {
  using ring = await TestRing.open(PAGE);
  const { object } = ring;
  const { ringLayout, rings } = object;
  const larger = { ...ringLayout, blocks: 4 * ringLayout.blocks };
  for (
    const [map, ringLayout] of [["interfaces", object.ringLayout], ["ring_blocks", larger]] as const
  ) {
    assert.throws(
      () => new RingMapping({ ringLayout, rings, mapFd: () => object.mapFd(map) }),
      (error) =>
        error instanceof SystemError && /^Cannot map .* the ring buffers: /.test(error.message),
    );
  }
});

test("a CPU without a ring loses its records, and they are counted", async () => {
  using ring = await TestRing.open(PAGE);
  // As after loading, for a CPU that comes up later.
  new DataView(ring.object.rings).setBigUint64(FIRST * RING_BYTES + RING_LIMIT, 0n, true);
  ring.program.run(0n, KIND_ENTRY, 1n, FIRST);
  assert.deepEqual(ring.counters.read(), { recorded: 0, lost: 1, untracked: 0 });
});
