import assert from "node:assert/strict";
import { EVENT_BYTES, type RecordSink } from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { RingWriter } from "../support/ring_writer.ts";
import { isFailure } from "../support/failures.ts";

class Collector implements RecordSink {
  readonly records: number[][] = [];

  record(words: Uint32Array, at: number, bytes: number): void {
    this.records.push([...words.subarray(at, at + bytes / 4)]);
  }
}

function payload(first: number, words = EVENT_BYTES / 4): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: words }, (_, index) => first + index).buffer);
}

function wordsOf(bytes: Uint8Array): number[] {
  return [...new Uint32Array(bytes.slice().buffer)];
}

Deno.test("drain() hands on records in order and frees their room", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  ring.write(payload(100));
  ring.write(payload(200));
  assert.equal(reader.pending, 64);
  assert.equal(reader.recordsPending, 2);
  assert.equal(reader.drain(collector, Infinity), 64);
  assert.deepEqual(collector.records, [wordsOf(payload(100)), wordsOf(payload(200))]);
  assert.equal(ring.consumed, ring.produced);
  assert.equal(reader.drain(collector, Infinity), 0);
});

Deno.test("drain() stops at a record that is being written and goes on once it is complete", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  ring.write(payload(1));
  const open = ring.reserve(EVENT_BYTES);
  ring.write(payload(3));
  reader.drain(collector, Infinity);
  assert.equal(collector.records.length, 1);
  assert.equal(reader.drain(collector, Infinity), 0);
  ring.commit(open, payload(2));
  reader.drain(collector, Infinity);
  assert.deepEqual(collector.records.map((record) => record[0]), [1, 2, 3]);
});

Deno.test("drain() reads a record across the end of the ring in one piece", () => {
  const ring = new RingWriter(4096, 4096 - 16);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  ring.write(payload(7));
  reader.drain(collector, Infinity);
  assert.deepEqual(collector.records, [wordsOf(payload(7))]);
});

Deno.test("drain() skips discarded records and records shorter than an event", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  ring.write(payload(1), true);
  ring.write(payload(2, 2));
  ring.write(payload(3));
  reader.drain(collector, Infinity);
  assert.deepEqual(collector.records.map((record) => record[0]), [3]);
  assert.equal(ring.consumed, ring.produced);
});

Deno.test("drain() hands on a longer record with its length, for payloads to come", () => {
  const ring = new RingWriter(4096);
  const collector = new Collector();
  ring.write(payload(1, 20));
  new RingReader(ring.memory).drain(collector, Infinity);
  assert.deepEqual(collector.records, [wordsOf(payload(1, 20))]);
});

Deno.test("drain() stops near its limit, at the end of a record", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  for (let index = 0; index < 10; index++) ring.write(payload(index));
  assert.equal(reader.drain(collector, 33), 64);
  assert.equal(collector.records.length, 2);
  assert.equal(reader.pending, 8 * 32);
});

Deno.test("drain() counts the record a sink fails on as read", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  ring.write(payload(1));
  ring.write(payload(2));
  const fails = {
    record: (): void => {
      throw new Error("no");
    },
  };
  assert.throws(() => reader.drain(fails, Infinity), /no/);
  assert.equal(reader.pending, 32);
});

Deno.test("drain() works at positions beyond 32 bits", () => {
  const ring = new RingWriter(4096, 2 ** 40 + 4096 - 32);
  const reader = new RingReader(ring.memory);
  const collector = new Collector();
  for (let index = 0; index < 300; index++) {
    assert.equal(ring.write(payload(index)), true);
    reader.drain(collector, Infinity);
  }
  assert.deepEqual(collector.records.map((record) => record[0]), [...Array(300).keys()]);
});

Deno.test("drain() fails on a record longer than the ring", () => {
  const ring = new RingWriter(4096);
  const reader = new RingReader(ring.memory);
  ring.write(payload(1));
  ring.header(0, 5000);
  assert.throws(() => reader.drain(new Collector(), Infinity), isFailure("ring"));
});

Deno.test("drain() fails on a writer that is behind the reader, or more than the ring ahead", () => {
  const ring = new RingWriter(4096, 8192);
  const reader = new RingReader(ring.memory);
  const producer = new BigInt64Array(ring.memory.producer);
  // Nothing but the positions tells: the record there is still being written, for ever.
  ring.header(8192, 0x80000018);
  for (const position of [8192n + 4096n + 8n, 8184n, 0n, -8n, 2n ** 62n]) {
    producer[0] = position;
    assert.throws(
      () => reader.drain(new Collector(), Infinity),
      isFailure("ring", /^The ring buffer is corrupt/),
    );
    assert.equal(ring.consumed, 8192);
  }
  producer[0] = 8192n + 4096n;
  assert.equal(reader.drain(new Collector(), Infinity), 0);
});

Deno.test("RingReader rejects a size that is no power of two of pages", () => {
  const memory = {
    consumer: new ArrayBuffer(4096),
    producer: new ArrayBuffer(4096),
    data: new ArrayBuffer(2 * 4096 * 3),
  };
  assert.throws(() => new RingReader(memory), RangeError);
});

Deno.test("drain() neither loses nor invents records, whatever is written and read when", () => {
  const random = new Random(0x5eed_0001);
  const runs = propertyRuns(200);
  for (let run = 0; run < runs; run++) {
    const ring = new RingWriter(4096 << random.int(3), random.int(1 << 20) * 8);
    const reader = new RingReader(ring.memory);
    const collector = new Collector();
    const written: number[][] = [];
    const open: { position: number; bytes: Uint8Array }[] = [];
    for (let step = 0; step < 200; step++) {
      const bytes = payload(random.int(1 << 30), 6 + random.int(20));
      switch (random.int(4)) {
        case 0:
          if (ring.write(bytes)) written.push(wordsOf(bytes));
          break;
        case 1: {
          const position = ring.reserve(bytes.length);
          if (position >= 0) {
            open.push({ position, bytes });
            written.push(wordsOf(bytes));
          }
          break;
        }
        case 2: {
          const [done] = open.splice(random.int(open.length + 1), 1);
          if (done) ring.commit(done.position, done.bytes);
          break;
        }
        default:
          reader.drain(collector, random.int(2000));
      }
    }
    for (const { position, bytes } of open) ring.commit(position, bytes);
    reader.drain(collector, Infinity);
    assert.deepEqual(collector.records, written);
  }
  console.log(`${runs} rings, seed ${0x5eed_0001}`);
});
