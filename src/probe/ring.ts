/**
 * Reads the rings of all CPUs from memory views, merged by time: no FFI, no copy, no allocation per
 * record. Written by bpf/record.h, divided by `ring_layout.ts`.
 *
 * A drain reads the clock first, and then how far each CPU has written. A record takes its time after its
 * place in the ring, so what is written after that look is not older than the clock, and everything older
 * is there: it is passed on in the order of time. The rest waits for the next drain. Within a CPU the order
 * is that of the ring, even where an interrupting program makes the times go back.
 *
 * A record whose kind is zero is half written, by a program that was interrupted. Its CPU stops there, and
 * the others wait for it, but not longer than {@linkcode STALL_NS}.
 *
 * Whatever the memory contains, and however it changes meanwhile: a drain takes at most one step per unit
 * written when it started, and passes on only records inside the memory.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { RING_BYTES, RING_HEAD, RING_TAIL } from "./layout.ts";
import {
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_LONG,
  KIND_RETURN,
  LONG_BYTES,
  MAX_UNITS,
  type RecordSink,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "./record.ts";
import type { RingLayout } from "./ring_layout.ts";

/** Nanoseconds for which the other CPUs wait for a half written record. */
export const STALL_NS = 10_000_000;

const UNIT_WORDS = EVENT_BYTES / 4;
const LONG_UNITS = LONG_BYTES / EVENT_BYTES;
/** 64-bit words of `struct vrft_ring`. */
const RING_WORDS = RING_BYTES / 8;
const KIND = 0xff0000;
const KIND_SHIFT = 16;
const UNITS = 0xff;
/** Of {@linkcode RingReader.#since}: the CPU does not stand at a half written record. */
const RUNS = -1;
/** Of the same: the others have gone on without it. */
const GIVEN_UP = Infinity;

/** The memory of the rings, shared with the programs. */
export interface RingMemory {
  readonly layout: RingLayout;
  /** `rings` of `struct vrft_control`, by CPU. */
  readonly rings: ArrayBuffer;
  /** The map `ring_blocks`. */
  readonly blocks: ArrayBuffer;
}

/** The reading end of the rings. One reader at a time. */
export class RingReader {
  readonly #clock: () => number;
  /** The rings' positions, as u64. */
  readonly #positions: BigInt64Array;
  readonly #words: Uint32Array;
  /** The same words for Atomics, to order the reads of a record after that of its kind. */
  readonly #kinds: Int32Array;
  readonly #units: number;
  readonly #blockMask: number;
  readonly #blockShift: number;
  readonly #blockWords: number;
  readonly #ringWords: number;
  readonly #cpus: readonly number[];
  // By ring, in the order of the layout:
  /** Units read. */
  readonly #position: Float64Array;
  /** The next unit's place in the ring. */
  readonly #unit: Int32Array;
  /** Units whose room the programs have got back. */
  readonly #released: Float64Array;
  /** Units reserved when the drain started. */
  readonly #head: Float64Array;
  /** Time of the next record. */
  readonly #time: Float64Array;
  /** Time when the next record was first found half written, or {@linkcode RUNS}. */
  readonly #since: Float64Array;
  /** Rings with records, as a binary heap by {@linkcode #time}: the oldest first. */
  readonly #heap: Int32Array;
  #heapLength = 0;
  #stalls = 0;
  /** Units in the fullest ring when the drain started. */
  #most = 0;

  /**
   * @param memory rings as the programs write them
   * @param clock nanoseconds of CLOCK_MONOTONIC
   * @throws {Failure} if the rings' positions are invalid
   */
  constructor({ layout, rings, blocks: memory }: RingMemory, clock: () => number) {
    const { cpus, units, blocks, blockUnits, blockBytes } = layout;
    this.#clock = clock;
    this.#positions = new BigInt64Array(rings);
    this.#words = new Uint32Array(memory);
    this.#kinds = new Int32Array(memory);
    this.#units = units;
    this.#blockMask = blockUnits - 1;
    this.#blockShift = Math.log2(blockUnits);
    this.#blockWords = blockBytes / 4;
    this.#ringWords = blocks * this.#blockWords;
    this.#cpus = cpus;
    this.#position = new Float64Array(cpus.length);
    this.#unit = new Int32Array(cpus.length);
    this.#released = new Float64Array(cpus.length);
    this.#head = new Float64Array(cpus.length);
    this.#time = new Float64Array(cpus.length);
    this.#since = new Float64Array(cpus.length).fill(RUNS);
    this.#heap = new Int32Array(cpus.length);
    for (let ring = 0; ring < cpus.length; ring++) {
      const tail = this.#load(ring, RING_TAIL);
      if (!Number.isSafeInteger(tail + units) || tail < 0) {
        this.#corrupt(ring, `read up to ${tail}`);
      }
      this.#position[ring] = tail;
      this.#unit[ring] = tail % units;
      this.#released[ring] = tail;
    }
  }

  /** Maximum number of records that are written and not read yet, including half written ones. */
  get recordsPending(): number {
    let pending = 0;
    for (let ring = 0; ring < this.#cpus.length; ring++) {
      pending += this.#load(ring, RING_HEAD) - this.#position[ring]!;
    }
    return pending;
  }

  /** Whether a ring was more than a quarter full at the last drain: the next one is not to wait. */
  get crowded(): boolean {
    return this.#most > this.#units / 4;
  }

  /** How often the others have gone on without a CPU that stood too long at a half written record. */
  get stalls(): number {
    return this.#stalls;
  }

  /**
   * Passes on the records that are not newer than the time of the call.
   *
   * @param sink receives each record; what it throws ends the reading, with the record counted as read
   * @param limitBytes stop after about so many bytes
   * @returns bytes read; 0 if there are no such records, or a half written one is waited for
   * @throws {Failure} if a ring's positions or contents are invalid
   */
  drain(sink: RecordSink, limitBytes: number): number {
    const now = this.#clock();
    if (!this.#look(now)) return 0;
    let read = 0;
    try {
      while (this.#heapLength > 0 && read < limitBytes) {
        const ring = this.#heap[0]!;
        if (this.#time[ring]! > now) break;
        read += this.#run(ring, now, sink, limitBytes - read);
        if (this.#position[ring] === this.#head[ring]) this.#removeFirst();
        else if (this.#since[ring] !== RUNS) break;
        else this.#siftFirst();
      }
    } finally {
      for (let ring = 0; ring < this.#cpus.length; ring++) this.#release(ring);
    }
    return read;
  }

  /**
   * Reads how far each CPU has written, and puts those with records on the heap.
   *
   * @returns false if a half written record is to be waited for
   */
  #look(now: number): boolean {
    let waits = false;
    this.#heapLength = 0;
    this.#most = 0;
    for (let ring = 0; ring < this.#cpus.length; ring++) {
      const head = this.#load(ring, RING_HEAD);
      const position = this.#position[ring]!;
      const written = head - position;
      if (!(written >= 0 && written <= this.#units)) {
        this.#corrupt(ring, `written up to ${head}, read up to ${position}`);
      }
      this.#head[ring] = head;
      if (written > this.#most) this.#most = written;
      if (written === 0) continue;
      const at = this.#at(ring);
      if ((Atomics.load(this.#kinds, at + CPU_AND_KIND) & KIND) === 0) {
        waits = this.#stands(ring, now) || waits;
        continue;
      }
      this.#since[ring] = RUNS;
      this.#time[ring] = this.#timeAt(at);
      this.#add(ring);
    }
    return !waits;
  }

  /** Notes that the ring's next record is half written; whether it is waited for. */
  #stands(ring: number, now: number): boolean {
    const since = this.#since[ring]!;
    if (since === GIVEN_UP) return false;
    if (since === RUNS) this.#since[ring] = now;
    else if (now - since > STALL_NS) {
      this.#since[ring] = GIVEN_UP;
      this.#stalls++;
      return false;
    }
    return true;
  }

  /**
   * Passes on records of the first ring on the heap until one is newer than another ring's, or than `now`,
   * or half written.
   *
   * @returns bytes read
   */
  #run(ring: number, now: number, sink: RecordSink, limitBytes: number): number {
    const words = this.#words;
    const kinds = this.#kinds;
    const ringMask = this.#units - 1;
    const blockMask = this.#blockMask;
    const end = this.#head[ring]!;
    const until = Math.min(now, this.#secondTime());
    // So that room is released now and then.
    const limit = Math.min(limitBytes, this.#units * EVENT_BYTES / 4);
    let left = end - this.#position[ring]!;
    let unit = this.#unit[ring]!;
    let at = this.#at(ring);
    let units = 0;
    let read = 0;
    try {
      while (left > 0 && read < limit) {
        const kind = (Atomics.load(kinds, at + CPU_AND_KIND) & KIND) >>> KIND_SHIFT;
        if (kind === 0) {
          this.#since[ring] = now;
          break;
        }
        const time = words[at + TIMESTAMP_HIGH]! * 2 ** 32 + words[at + TIMESTAMP_LOW]!;
        if (time > until) {
          this.#time[ring] = time;
          break;
        }
        units = 1;
        if (kind > KIND_RETURN) {
          units = kind >= KIND_LONG ? LONG_UNITS : words[at + FRAME]! & UNITS;
          if (units === 0 || units > MAX_UNITS || units > left) {
            const length = units;
            units = 0;
            this.#corrupt(ring, `a record of ${length} units at ${end - left}`);
          }
        }
        left -= units;
        read += units * EVENT_BYTES;
        sink.record(words, at, units * EVENT_BYTES);
        this.#clear(at, unit, units);
        at += units * UNIT_WORDS;
        if ((unit & blockMask) + units > blockMask) {
          at = this.#atUnit(ring, unit + units & ringMask);
        }
        unit = unit + units & ringMask;
        units = 0;
      }
    } finally {
      // The sink has thrown.
      if (units !== 0) {
        this.#clear(at, unit, units);
        unit = unit + units & ringMask;
      }
      this.#unit[ring] = unit;
      this.#position[ring] = end - left;
      if (end - left - this.#released[ring]! >= this.#units / 4) this.#release(ring);
    }
    return read;
  }

  /** What is written there next is half written until its kind is stored. */
  #clear(at: number, unit: number, units: number): void {
    const words = this.#words;
    words[at + CPU_AND_KIND] = 0;
    // Those behind the end of the block are no units.
    const count = Math.min(units, this.#blockMask + 1 - (unit & this.#blockMask));
    for (let more = 1; more < count; more++) words[at + more * UNIT_WORDS + CPU_AND_KIND] = 0;
  }

  /** Gives the room of what is read back to the programs. */
  #release(ring: number): void {
    const position = this.#position[ring]!;
    if (position === this.#released[ring]) return;
    this.#released[ring] = position;
    const index = this.#cpus[ring]! * RING_WORDS + RING_TAIL / 8;
    Atomics.store(this.#positions, index, BigInt(position));
  }

  /** A position of the ring, which may be any number that fits into 64 bits. */
  #load(ring: number, offset: number): number {
    const index = this.#cpus[ring]! * RING_WORDS + offset / 8;
    return Number(Atomics.load(this.#positions, index));
  }

  /** Where the ring's next record is. */
  #at(ring: number): number {
    return this.#atUnit(ring, this.#unit[ring]!);
  }

  #atUnit(ring: number, unit: number): number {
    const block = ring * this.#ringWords + (unit >>> this.#blockShift) * this.#blockWords;
    return block + (unit & this.#blockMask) * UNIT_WORDS;
  }

  #timeAt(at: number): number {
    return this.#words[at + TIMESTAMP_HIGH]! * 2 ** 32 + this.#words[at + TIMESTAMP_LOW]!;
  }

  #corrupt(ring: number, what: string): never {
    const cpu = this.#cpus[ring]!;
    throw new Failure("ring", `The ring buffer of CPU ${cpu} is corrupt: ${what}`);
  }

  /** The time of the oldest record of the other rings on the heap. */
  #secondTime(): number {
    const left = this.#heapLength > 1 ? this.#time[this.#heap[1]!]! : Infinity;
    const right = this.#heapLength > 2 ? this.#time[this.#heap[2]!]! : Infinity;
    return Math.min(left, right);
  }

  #add(ring: number): void {
    const heap = this.#heap;
    const time = this.#time[ring]!;
    let at = this.#heapLength++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (this.#time[heap[parent]!]! <= time) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = ring;
  }

  #removeFirst(): void {
    this.#heap[0] = this.#heap[--this.#heapLength]!;
    this.#siftFirst();
  }

  /** Puts the first ring of the heap where its time belongs. */
  #siftFirst(): void {
    const heap = this.#heap;
    const length = this.#heapLength;
    const ring = heap[0]!;
    const time = this.#time[ring]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#time[heap[child + 1]!]! < this.#time[heap[child]!]!) child++;
      if (this.#time[heap[child]!]! >= time) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = ring;
  }
}
