/**
 * Writes a BPF ring buffer as the kernel does (kernel/bpf/ringbuf.c), into plain memory.
 *
 * @module
 */

import type { RingMemory } from "../../src/probe/ring.ts";

const BUSY = 0x80000000;
const DISCARD = 0x40000000;

/** The writing end: a ring whose second mapping of the data is kept equal by hand. */
export class RingWriter {
  readonly memory: RingMemory;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #producer: BigInt64Array;
  readonly #consumer: BigInt64Array;

  /** @param size bytes of the ring, a power of two of pages */
  constructor(readonly size: number, start = 0) {
    this.memory = {
      consumer: new ArrayBuffer(4096),
      producer: new ArrayBuffer(4096),
      data: new ArrayBuffer(2 * size),
    };
    this.#bytes = new Uint8Array(this.memory.data);
    this.#view = new DataView(this.memory.data);
    this.#producer = new BigInt64Array(this.memory.producer);
    this.#consumer = new BigInt64Array(this.memory.consumer);
    this.#producer[0] = BigInt(start);
    this.#consumer[0] = BigInt(start);
  }

  get consumed(): number {
    return Number(this.#consumer[0]);
  }

  get produced(): number {
    return Number(this.#producer[0]);
  }

  /** Reserves room; returns the position of the record, or -1 when the ring is full. */
  reserve(payload: number): number {
    const position = this.produced;
    const next = position + ((payload + 15) & ~7);
    // The kernel compares with size - 1: no ring is ever filled to the last byte.
    if (next - this.consumed >= this.size) return -1;
    this.#header(position, (payload | BUSY) >>> 0);
    this.#producer[0] = BigInt(next);
    return position;
  }

  /** Completes a reserved record. */
  commit(position: number, payload: Uint8Array, discard = false): void {
    const at = position % this.size;
    for (let index = 0; index < payload.length; index++) {
      const place = (at + 8 + index) % this.size;
      this.#bytes[place] = payload[index]!;
      this.#bytes[place + this.size] = payload[index]!;
    }
    this.#header(position, (payload.length | (discard ? DISCARD : 0)) >>> 0);
  }

  /** Reserves and completes; false when the ring is full. */
  write(payload: Uint8Array, discard = false): boolean {
    const position = this.reserve(payload.length);
    if (position < 0) return false;
    this.commit(position, payload, discard);
    return true;
  }

  /** Overwrites a record's header, to damage it. */
  header(position: number, word: number): void {
    this.#header(position, word);
  }

  #header(position: number, word: number): void {
    const at = position % this.size;
    this.#view.setUint32(at, word, true);
    this.#view.setUint32(at + this.size, word, true);
  }
}
