import assert from "node:assert/strict";
import { RING_BYTES, RING_HEAD, RING_TAIL } from "../../src/probe/layout.ts";
import {
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_PACKET,
  type RecordSink,
} from "../../src/probe/record.ts";
import { RingReader, STALL_NS } from "../../src/probe/ring.ts";
import { Failure } from "../../src/sys/failure.ts";
import type { Step, View } from "../../src/trace/events.ts";
import { CallTree, MAX_DEPTH } from "../../src/trace/tree.ts";
import { attack } from "../support/hostile.ts";
import { Random } from "../support/random.ts";
import { layoutOf, RingWriter } from "../support/ring_writer.ts";

const FUNCTIONS = 8;
const CPUS = [0, 1, 5];
/** Several blocks, so that records go on behind the end of one. */
const LAYOUT = layoutOf(CPUS, 128, 32);
const UNIT_WORDS = EVENT_BYTES / 4;

/** Where the rings of each original start. */
const STARTS = [0, 128 - 8, 2 ** 40 + 31, 64];

/** What the programs write: calls, longer records, and one that is not complete yet. */
function original(start: number, random: Random): Uint8Array {
  const ring = new RingWriter(LAYOUT, start);
  const length = 4 + random.int(60);
  for (let count = 0; count < length; count++) {
    const cpu = random.pick(CPUS);
    const long = random.int(4) === 0;
    const units = long ? 1 + random.int(16) : 1;
    const words = new Uint32Array(units * UNIT_WORDS).map(() => random.int(2 ** 32));
    const frame = long ? units : 0x8000 - 64 * random.int(16);
    words.set([1000 * count, 0, 1 + random.int(3), frame, random.int(FUNCTIONS)]);
    words[CPU_AND_KIND] = cpu | (long ? KIND_PACKET : 1 + random.int(2)) << 16;
    const position = ring.reserve(cpu, units);
    if (position >= 0 && count < length - 1) ring.complete(cpu, position, words);
  }
  // The positions and the memory, as one input.
  const heads = BigInt64Array.from(CPUS, (cpu) => BigInt(ring.head(cpu) - start));
  const bytes = new Uint8Array(heads.byteLength + ring.memory.blocks.byteLength);
  bytes.set(new Uint8Array(heads.buffer));
  bytes.set(new Uint8Array(ring.memory.blocks), heads.byteLength);
  return bytes;
}

/** The memory of rings that anything can be put into. */
class HostileRing {
  readonly memory = new RingWriter(LAYOUT).memory;
  readonly #positions = new BigInt64Array(this.memory.rings);
  readonly #bytes = new Uint8Array(this.memory.blocks);
  readonly #words = new Uint32Array(this.memory.blocks);

  /** Fills the rings and their positions from what is left of an input. */
  load(start: number, input: Uint8Array<ArrayBuffer>): void {
    const heads = new BigInt64Array(CPUS.length);
    const lengths = input.slice(0, heads.byteLength);
    new Uint8Array(heads.buffer).set(lengths);
    this.#bytes.fill(0);
    this.#bytes.set(input.subarray(lengths.length, lengths.length + this.#bytes.length));
    for (const [index, cpu] of CPUS.entries()) {
      this.set(cpu, RING_TAIL, BigInt(start));
      this.set(cpu, RING_HEAD, BigInt.asIntN(64, BigInt(start) + heads[index]!));
    }
  }

  get(cpu: number, offset: number): bigint {
    return this.#positions[(cpu * RING_BYTES + offset) / 8]!;
  }

  set(cpu: number, offset: number, value: bigint): void {
    this.#positions[(cpu * RING_BYTES + offset) / 8] = value;
  }

  /** Units that all rings are read up to. */
  get read(): bigint {
    return CPUS.reduce((sum, cpu) => sum + this.get(cpu, RING_TAIL), 0n);
  }

  /** Changes what no program does while it is read. */
  disturb(random: Random): void {
    const at = random.int(this.#words.length / UNIT_WORDS) * UNIT_WORDS;
    switch (random.int(4)) {
      case 0:
        this.#words[random.int(this.#words.length)] = random.int(2 ** 32);
        break;
      case 1:
        this.#words[at + CPU_AND_KIND] = random.int(8) << 16;
        break;
      case 2:
        this.#words[at + FRAME] = random.int(20);
        break;
      default:
        this.misplace(random);
    }
  }

  /** Moves a writer: back, ahead, by more than the ring, beyond what a number holds. */
  misplace(random: Random): void {
    const cpu = random.pick(CPUS);
    const head = this.get(cpu, RING_HEAD);
    const moved = random.pick([
      head + BigInt(random.int(65) - 32),
      head + BigInt(random.int(4 * LAYOUT.units) - 2 * LAYOUT.units),
      this.get(cpu, RING_TAIL) + BigInt(LAYOUT.units),
      this.get(cpu, RING_TAIL) - 1n,
      random.pick([0n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]),
    ]);
    this.set(cpu, RING_HEAD, BigInt.asIntN(64, moved));
  }
}

/** Counts records, and checks that they lie in the data. */
class Inside implements RecordSink {
  bytes = 0;

  constructor(private readonly next: RecordSink, private readonly after: () => void) {}

  record(words: Uint32Array, at: number, bytes: number): void {
    assert.ok(bytes >= EVENT_BYTES && at >= 0 && 4 * at + bytes <= words.byteLength);
    this.bytes += bytes;
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
  const most = CPUS.length * LAYOUT.units;
  attack({
    title: "ring",
    seed: 0x5eed_0002,
    originals: STARTS.map((start) => original(start, sources)),
    use: (input, index, random) => {
      ring.load(STARTS[index]!, input);
      if (random.int(8) === 0) ring.misplace(random);
      if (random.int(32) === 0) {
        ring.set(random.pick(CPUS), RING_TAIL, random.pick([4n, 1n, -8n, 2n ** 60n]));
      }
      let now = random.pick([0, 5000, 2 ** 64]);
      const reader = new RingReader(ring.memory, () => now += STALL_NS / 2);
      const moving = random.int(4) === 0;
      const sink = new Inside(
        tree,
        () => moving && random.int(4) === 0 ? ring.disturb(random) : undefined,
      );
      const limit = random.pick([Infinity, most * EVENT_BYTES, 64, 1]);
      // Of four drains one gets on, by a unit at least; the writers may add to them while they move.
      for (let drains = 0, idle = 0; idle < 4 && drains < 1000; drains++) {
        assert.ok(moving || drains <= 4 * most);
        const [before, handed] = [ring.read, sink.bytes];
        let read = 0;
        try {
          read = reader.drain(sink, limit);
        } finally {
          const advanced = EVENT_BYTES * Number(ring.read - before);
          assert.ok(advanced >= 0 && advanced <= most * EVENT_BYTES);
          assert.equal(sink.bytes - handed, advanced);
        }
        assert.equal(read % EVENT_BYTES, 0);
        idle = read === 0 ? idle + 1 : 0;
      }
    },
    rejects: (error) => error instanceof Failure && error.message.startsWith("The ring buffer of"),
  });
  // Whatever the records said, each made one call, ended one, or neither.
  assert.equal(steps.begun - steps.closed, tree.callsOpen);
  assert.ok(steps.begun + steps.orphans + tree.malformed <= tree.records);
  assert.ok(steps.begun > 0 && steps.closed > 0 && tree.malformed > 0);
  tree.finish();
  assert.equal(steps.begun, steps.closed);
});
