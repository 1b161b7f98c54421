import assert from "node:assert/strict";
import {
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_END,
  KIND_ENTRY,
  KIND_PACKET,
  KIND_RETURN,
  type RecordSink,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../../src/probe/record.ts";
import { RingReader, STALL_NS } from "../../src/probe/ring.ts";
import { isFailure } from "../support/failures.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { layoutOf, RingWriter } from "../support/ring_writer.ts";

const WORDS = EVENT_BYTES / 4;

interface Seen {
  readonly cpu: number;
  readonly time: number;
  readonly number: number;
  readonly units: number;
}

class Collector implements RecordSink {
  readonly records: Seen[] = [];

  record(words: Uint32Array, at: number, bytes: number): void {
    this.records.push({
      cpu: words[at + CPU_AND_KIND]! & 0xffff,
      time: words[at + TIMESTAMP_HIGH]! * 2 ** 32 + words[at + TIMESTAMP_LOW]!,
      number: words[at + TASK]!,
      units: bytes / EVENT_BYTES,
    });
    // Behind the head of a long record is what its writer put there.
    for (let word = WORDS; word < bytes / 4; word++) {
      assert.equal(words[at + word], words[at + TASK]! * 100 + word);
    }
  }

  get numbers(): number[] {
    return this.records.map(({ number }) => number);
  }
}

/** A record with its number as task; a long one goes on with words made of it. */
function record(
  cpu: number,
  time: number,
  number: number,
  kind = KIND_ENTRY,
  units = 1,
): Uint32Array {
  const words = new Uint32Array(units * WORDS).map((_, index) => number * 100 + index);
  words[TIMESTAMP_LOW] = time % 2 ** 32;
  words[TIMESTAMP_HIGH] = Math.floor(time / 2 ** 32);
  words[TASK] = number;
  words[FRAME] = kind > KIND_RETURN ? 0xabcdef00 | units : 0x1234;
  words[CPU_AND_KIND] = cpu | kind << 16 | 0x77000000;
  return words;
}

/** A reader with a clock that the test sets; it stands at the end of time at first. */
class Clock {
  time = Infinity;
  readonly read = (): number => this.time;
}

function open(ring: RingWriter): { reader: RingReader; clock: Clock; seen: Collector } {
  const clock = new Clock();
  return { reader: new RingReader(ring.memory, clock.read), clock, seen: new Collector() };
}

Deno.test("drain() passes on a CPU's records in order and frees their room", () => {
  const ring = new RingWriter(layoutOf([3], 128));
  const { reader, seen } = open(ring);
  ring.write(3, record(3, 10, 1));
  ring.write(3, record(3, 20, 2, KIND_RETURN));
  assert.equal(reader.recordsPending, 2);
  assert.equal(reader.drain(seen, Infinity), 2 * EVENT_BYTES);
  assert.deepEqual(seen.records, [
    { cpu: 3, time: 10, number: 1, units: 1 },
    { cpu: 3, time: 20, number: 2, units: 1 },
  ]);
  assert.equal(ring.tail(3), 2);
  assert.equal(reader.recordsPending, 0);
  assert.equal(reader.drain(seen, Infinity), 0);
});

Deno.test("drain() merges the CPUs by time, and keeps the order of each", () => {
  const ring = new RingWriter(layoutOf([0, 1, 5], 128));
  const { reader, seen } = open(ring);
  for (const [cpu, time] of [[0, 10], [0, 40], [1, 20], [1, 50], [5, 30], [5, 2 ** 40]] as const) {
    ring.write(cpu, record(cpu, time, time % 1000));
  }
  // An interrupting program has reserved behind, and taken its time before.
  ring.write(1, record(1, 35, 35));
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10, 20, 30, 40, 50, 35, 2 ** 40 % 1000]);
});

Deno.test("drain() leaves what is newer than its clock to the next one", () => {
  const ring = new RingWriter(layoutOf([0, 1], 128));
  const { reader, clock, seen } = open(ring);
  ring.write(0, record(0, 10, 10));
  ring.write(0, record(0, 30, 30));
  ring.write(1, record(1, 25, 25));
  clock.time = 20;
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10]);
  // Reserved after the clock was read.
  ring.write(1, record(1, 28, 28));
  clock.time = 30;
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10, 25, 28, 30]);
});

Deno.test("drain() reads the clock before the positions", () => {
  const ring = new RingWriter(layoutOf([0], 128));
  const seen = new Collector();
  const reader = new RingReader(ring.memory, () => {
    ring.write(0, record(0, 10, 10));
    return 10;
  });
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10]);
});

Deno.test("drain() stops at a half written record, and the other CPUs wait for it", () => {
  const ring = new RingWriter(layoutOf([0, 1], 128));
  const { reader, clock, seen } = open(ring);
  clock.time = 1000;
  ring.write(0, record(0, 10, 10));
  const half = ring.reserve(0);
  ring.write(0, record(0, 40, 40));
  ring.write(1, record(1, 20, 20));
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10]);
  assert.equal(ring.tail(0), 1);
  assert.equal(reader.drain(seen, Infinity), 0);
  assert.equal(reader.recordsPending, 3);
  ring.complete(0, half, record(0, 15, 15));
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [10, 15, 20, 40]);
  assert.equal(reader.stalls, 0);
});

Deno.test("drain() waits for a half written record for a time, and counts that it goes on", () => {
  const ring = new RingWriter(layoutOf([0, 1], 128));
  const { reader, clock, seen } = open(ring);
  clock.time = 1000;
  const half = ring.reserve(0);
  ring.write(1, record(1, 20, 20));
  assert.equal(reader.drain(seen, Infinity), 0);
  clock.time = 1000 + STALL_NS;
  assert.equal(reader.drain(seen, Infinity), 0);
  clock.time++;
  reader.drain(seen, Infinity);
  ring.write(1, record(1, 30, 30));
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [20, 30]);
  assert.equal(reader.stalls, 1);
  // It is back in its place as soon as it is complete, and the next one is waited for anew.
  ring.complete(0, half, record(0, 15, 15));
  reader.drain(seen, Infinity);
  ring.reserve(0);
  ring.write(1, record(1, 40, 40));
  assert.equal(reader.drain(seen, Infinity), 0);
  assert.deepEqual(seen.numbers, [20, 30, 15]);
  assert.equal(reader.stalls, 1);
});

Deno.test("drain() finds a reused place half written until its record is complete", () => {
  const ring = new RingWriter(layoutOf([0], 128));
  const { reader, seen } = open(ring);
  for (let number = 0; number < 128; number += 8) {
    for (let more = 0; more < 8; more++) ring.write(0, record(0, 1, number + more));
    reader.drain(seen, Infinity);
  }
  const half = ring.reserve(0);
  assert.equal(half % 128, 0);
  assert.equal(reader.drain(seen, Infinity), 0);
  ring.complete(0, half, record(0, 1, 128));
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [...Array(129).keys()]);
});

Deno.test("drain() passes on long records of any kind with their length, in one piece", () => {
  // The block of the ring ends within a record, which goes on behind it.
  for (const [units, blockUnits] of [[128, 128], [256, 64]] as const) {
    for (let start = blockUnits - 16; start <= blockUnits; start++) {
      const ring = new RingWriter(layoutOf([0], units, blockUnits), start);
      const { reader, seen } = open(ring);
      ring.write(0, record(0, 10, 1, KIND_PACKET, 16));
      ring.write(0, record(0, 20, 2));
      ring.write(0, record(0, 30, 3, 0xff, 2));
      ring.write(0, record(0, 40, 4, KIND_END));
      assert.equal(reader.drain(seen, Infinity), 20 * EVENT_BYTES);
      assert.deepEqual(seen.records.map(({ number, units }) => [number, units]), [
        [1, 16],
        [2, 1],
        [3, 2],
        [4, 1],
      ]);
      assert.equal(ring.tail(0), start + 20);
      // None of their words is taken for a kind when their units are used again.
      for (let round = 0; round < 2 * units; round++) {
        const half = ring.reserve(0);
        assert.equal(reader.drain(seen, Infinity), 0, `start ${start}, round ${round}`);
        ring.complete(0, half, record(0, 50, 5));
        assert.equal(reader.drain(seen, Infinity), EVENT_BYTES);
      }
    }
  }
});

Deno.test("drain() stops near its limit, at the end of a record", () => {
  const ring = new RingWriter(layoutOf([0, 1], 128));
  const { reader, seen } = open(ring);
  for (let number = 0; number < 10; number++) {
    ring.write(number % 2, record(number % 2, number, number));
  }
  assert.equal(reader.drain(seen, EVENT_BYTES + 1), 2 * EVENT_BYTES);
  assert.deepEqual(seen.numbers, [0, 1]);
  assert.equal(reader.recordsPending, 8);
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [...Array(10).keys()]);
});

Deno.test("RingReader is crowded while a ring is more than a quarter full at a drain", () => {
  const ring = new RingWriter(layoutOf([0, 1], 128));
  const { reader, seen } = open(ring);
  ring.write(1, record(1, 1, 1));
  for (const [count, crowded] of [[32, false], [33, true], [0, false]] as const) {
    for (let written = 0; written < count; written++) ring.write(0, record(0, 1, 1));
    reader.drain(seen, Infinity);
    assert.equal(reader.crowded, crowded);
  }
});

Deno.test("drain() frees room while it reads", () => {
  const ring = new RingWriter(layoutOf([0], 256));
  const { reader } = open(ring);
  while (ring.write(0, record(0, 1, 1)));
  const tails = new Set<number>();
  reader.drain({ record: () => void tails.add(ring.tail(0)) }, Infinity);
  assert.deepEqual([...tails], [0, 64, 128]);
});

Deno.test("drain() counts the record a sink fails on as read", () => {
  const ring = new RingWriter(layoutOf([0], 128));
  const { reader, seen } = open(ring);
  ring.write(0, record(0, 1, 1, KIND_PACKET, 3));
  ring.write(0, record(0, 2, 2));
  const fails = {
    record: (): void => {
      throw new Error("no");
    },
  };
  assert.throws(() => reader.drain(fails, Infinity), /no/);
  assert.equal(ring.tail(0), 3);
  reader.drain(seen, Infinity);
  assert.deepEqual(seen.numbers, [2]);
});

Deno.test("drain() works at positions beyond 32 bits", () => {
  const ring = new RingWriter(layoutOf([0], 128), 2 ** 40 - 1);
  const { reader, seen } = open(ring);
  for (let number = 0; number < 300; number++) {
    assert.ok(ring.write(0, record(0, number, number)));
    reader.drain(seen, Infinity);
  }
  assert.deepEqual(seen.numbers, [...Array(300).keys()]);
});

Deno.test("drain() fails on a record without length, too long a one, or one beyond the head", () => {
  for (const units of [0, 17, 3]) {
    const ring = new RingWriter(layoutOf([7], 128));
    const { reader, seen } = open(ring);
    const words = record(7, 1, 1, KIND_PACKET, 2);
    words[FRAME] = units;
    ring.write(7, words);
    assert.throws(
      () => reader.drain(seen, Infinity),
      isFailure("ring", /^The ring buffer of CPU 7 is corrupt: a record of/),
    );
    assert.deepEqual(seen.records, []);
    assert.equal(ring.tail(7), 0);
  }
});

Deno.test("drain() fails on a writer that is behind the reader, or more than the ring ahead", () => {
  const ring = new RingWriter(layoutOf([0], 128), 1024);
  const { reader, seen } = open(ring);
  for (const head of [1024n + 129n, 1023n, 0n, -8n, 2n ** 62n]) {
    ring.setHead(0, head);
    assert.throws(
      () => reader.drain(seen, Infinity),
      isFailure("ring", /^The ring buffer of CPU 0 is corrupt/),
    );
    assert.equal(ring.tail(0), 1024);
  }
  ring.setHead(0, 1024n + 128n);
  assert.equal(reader.drain(seen, Infinity), 0);
});

Deno.test("RingReader fails on an impossible position of an earlier reader", () => {
  for (const tail of [-1, 2 ** 53]) {
    const ring = new RingWriter(layoutOf([0], 128), tail);
    assert.throws(() => open(ring), isFailure("ring"));
  }
});

Deno.test("drain() neither loses nor invents records of 64 CPUs, and puts them in order", () => {
  const seed = 0x5eed_0001;
  const random = new Random(seed);
  const runs = propertyRuns(100);
  let total = 0;
  for (let run = 0; run < runs; run++) {
    const cpus = Array.from({ length: 1 + random.int(64) }, (_, index) => 2 * index);
    const units = 128 << random.int(2);
    const blockUnits = random.pick([64, 128]);
    const ring = new RingWriter(layoutOf(cpus, units, blockUnits), random.int(1 << 20));
    const { reader, clock, seen } = open(ring);
    const written: number[] = [];
    let halves: { cpu: number; position: number; words: Uint32Array }[] = [];
    const complete = (): void => {
      for (const { cpu, position, words } of halves) ring.complete(cpu, position, words);
      halves = [];
    };
    clock.time = 1;
    for (let step = 0; step < 300; step++) {
      const cpu = random.pick(cpus);
      // A record has the time of its reservation, the clock that of its reading.
      const kind = random.pick([KIND_ENTRY, KIND_RETURN, KIND_PACKET]);
      const length = kind === KIND_PACKET ? 1 + random.int(16) : 1;
      const words = record(cpu, clock.time, step, kind, length);
      switch (random.int(8)) {
        case 0:
          clock.time += random.int(1000);
          reader.drain(seen, random.pick([Infinity, 500, 24]));
          break;
        case 1:
          complete();
          break;
        case 2: {
          const position = ring.reserve(cpu, length);
          if (position < 0) break;
          halves.push({ cpu, position, words });
          written.push(step);
          break;
        }
        default:
          if (ring.write(cpu, words)) written.push(step);
          clock.time += random.int(3);
      }
    }
    complete();
    clock.time++;
    while (reader.drain(seen, Infinity) > 0);
    assert.deepEqual(seen.numbers.toSorted((a, b) => a - b), written);
    assert.equal(reader.stalls, 0);
    for (const [index, { time }] of seen.records.entries()) {
      assert.ok(index === 0 || time >= seen.records[index - 1]!.time);
    }
    total += written.length;
  }
  console.log(`${total} records in ${runs} runs, seed ${seed}`);
});
