import assert from "node:assert/strict";
import { EVENT_BYTES, type RecordSink } from "../../src/probe/record.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { Failure } from "../../src/sys/failure.ts";
import type { Step, View } from "../../src/trace/events.ts";
import { CallTree, MAX_DEPTH } from "../../src/trace/tree.ts";
import { attack } from "../support/hostile.ts";
import { Random } from "../support/random.ts";
import { RingWriter } from "../support/ring_writer.ts";

const RING_BYTES = 4096;
const HEADER_BYTES = 8;
const FUNCTIONS = 8;

/** Where each original starts in its ring: the records of one lie across the end of the data. */
const STARTS = [0, 8192 - 200, 2 ** 40 + 4096 - 16, 4096];

/** What a kernel writes: events, longer records, some that are discarded or not complete yet. */
function original(start: number, random: Random): Uint8Array {
  const ring = new RingWriter(RING_BYTES, start);
  const length = 4 + random.int(24);
  for (let count = 0; count < length; count++) {
    const words = new Uint32Array(EVENT_BYTES / 4 + (random.int(4) === 0 ? random.int(8) : 0));
    words.set([1000 * count, 0, 1 + random.int(3), 0x8000 - 64 * random.int(16)]);
    words[4] = random.int(FUNCTIONS);
    words[5] = 1 + random.int(2) << 16;
    const payload = new Uint8Array(words.buffer);
    const position = ring.reserve(payload.length);
    if (count < length - 1) ring.commit(position, payload, random.int(6) === 0);
  }
  const data = new Uint8Array(ring.memory.data);
  return data.slice(start % RING_BYTES, start % RING_BYTES + ring.produced - start);
}

/** The memory of a ring that anything can be put into. */
class HostileRing {
  readonly memory = {
    consumer: new ArrayBuffer(4096),
    producer: new ArrayBuffer(4096),
    data: new ArrayBuffer(2 * RING_BYTES),
  };
  readonly consumer = new BigInt64Array(this.memory.consumer, 0, 1);
  readonly producer = new BigInt64Array(this.memory.producer, 0, 1);
  readonly #data = new Uint8Array(this.memory.data);
  readonly #words = new Uint32Array(this.memory.data);

  /** Fills the ring with what is left of `records` from `start` on, and its positions. */
  load(start: number, records: Uint8Array): void {
    const bytes = records.subarray(0, RING_BYTES);
    const at = start % RING_BYTES;
    this.#data.fill(0, 0, RING_BYTES);
    const ahead = bytes.subarray(0, RING_BYTES - at);
    this.#data.set(ahead, at);
    this.#data.set(bytes.subarray(ahead.length));
    this.#data.copyWithin(RING_BYTES, 0, RING_BYTES);
    this.consumer[0] = BigInt(start);
    this.producer[0] = BigInt(start + bytes.length - bytes.length % 8);
  }

  /** Changes what no kernel does while it is read. */
  disturb(random: Random): void {
    switch (random.int(3)) {
      case 0:
        this.#words[random.int(this.#words.length)] = random.int(2 ** 32);
        break;
      case 1:
        this.#words[2 * random.int(RING_BYTES / 4)] = random.int(64);
        break;
      default:
        this.misplace(random);
    }
  }

  /** Moves the writer: back, ahead, by more than the ring, beyond what a number holds. */
  misplace(random: Random): void {
    this.producer[0] = random.pick([
      this.producer[0]! + BigInt(8 * (random.int(65) - 32)),
      this.producer[0]! + BigInt(random.int(2 * RING_BYTES) - RING_BYTES),
      this.consumer[0]! + BigInt(RING_BYTES),
      this.consumer[0]! - 1n,
      random.pick([0n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]),
    ]);
  }
}

/** Counts records, and checks that they lie in the data. */
class Inside implements RecordSink {
  bytes = 0;

  constructor(private readonly next: RecordSink, private readonly after: () => void) {}

  record(words: Uint32Array, at: number, bytes: number): void {
    assert.ok(bytes >= EVENT_BYTES && at >= 2 && 4 * at + bytes <= words.byteLength);
    this.bytes += HEADER_BYTES + bytes;
    this.next.record(words, at, bytes);
    this.after();
  }
}

/** Counts the steps that calls are made of. */
class Steps implements View {
  begun = 0;
  closed = 0;
  orphans = 0;

  enter({ depth, fn }: Readonly<Step>): void {
    assert.ok(depth < MAX_DEPTH && fn < FUNCTIONS);
    this.begun++;
  }

  leave(): void {
    this.closed++;
  }

  abandon(): void {
    this.closed++;
  }

  orphan(): void {
    this.orphans++;
  }
}

Deno.test("drain() takes or rejects rings that are damaged, within their bounds", () => {
  const sources = new Random(0x5eed);
  const ring = new HostileRing();
  const steps = new Steps();
  const tree = new CallTree(steps, FUNCTIONS);
  attack({
    title: "ring",
    seed: 0x5eed_0002,
    originals: STARTS.map((start) => original(start, sources)),
    use: (records, index, random) => {
      ring.load(STARTS[index]!, records);
      if (random.int(8) === 0) ring.misplace(random);
      if (random.int(32) === 0) ring.consumer[0] = random.pick([4n, 1n, -8n, 2n ** 60n]);
      const reader = new RingReader(ring.memory);
      const moving = random.int(4) === 0;
      const sink = new Inside(
        tree,
        () => moving && random.int(4) === 0 ? ring.disturb(random) : undefined,
      );
      const limit = random.pick([Infinity, RING_BYTES, 64, 1]);
      // Each drain that gets on takes 8 bytes at least; the writer may add to them while it moves.
      for (let drains = 0;; drains++) {
        assert.ok(moving || drains <= RING_BYTES / HEADER_BYTES);
        const [before, pending, handed] = [ring.consumer[0]!, reader.pending, sink.bytes];
        let read = 0;
        try {
          read = reader.drain(sink, limit);
        } finally {
          const advanced = Number(ring.consumer[0]! - before);
          assert.ok(advanced >= 0 && advanced <= Math.max(0, Math.min(pending, RING_BYTES)));
          assert.ok(sink.bytes - handed <= advanced);
        }
        assert.equal(read % 8, 0);
        if (read === 0 || drains > 1000) break;
      }
    },
    rejects: (error) => error instanceof Failure && error.message.startsWith("The ring buffer is"),
  });
  // Whatever the records said, each made one call, ended one, or neither.
  assert.equal(steps.begun - steps.closed, tree.callsOpen);
  assert.ok(steps.begun + steps.orphans + tree.malformed <= tree.records);
  assert.ok(steps.begun > 0 && steps.closed > 0 && tree.malformed > 0);
  tree.finish();
  assert.equal(steps.begun, steps.closed);
});
