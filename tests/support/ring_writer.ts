/**
 * Writes the rings of all CPUs as the programs do (bpf/record.h), into plain memory.
 *
 * @module
 */

import {
  BLOCK_BITS,
  MAX_CPUS,
  NESTING_UNITS,
  RING_BYTES,
  RING_HEAD,
  RING_TAIL,
} from "../../src/probe/layout.ts";
import { CPU_AND_KIND, EVENT_BYTES, MAX_UNITS } from "../../src/probe/record.ts";
import type { RingMemory } from "../../src/probe/ring.ts";
import type { RingLayout } from "../../src/probe/ring_layout.ts";

const UNIT_WORDS = EVENT_BYTES / 4;

/** Rings of `units` units each, in blocks of `blockUnits`; both are powers of two. */
export function layoutOf(
  cpus: readonly number[],
  units: number,
  blockUnits = Math.min(units, 2 ** BLOCK_BITS),
): RingLayout {
  const blockBytes = (blockUnits + MAX_UNITS) * EVENT_BYTES;
  return { cpus, units, blocks: units / blockUnits, blockUnits, blockBytes };
}

/** The writing end of rings. */
export class RingWriter {
  readonly memory: RingMemory;
  readonly #layout: RingLayout;
  readonly #words: Uint32Array;
  readonly #positions: BigInt64Array;

  /** @param start position of every ring at the start */
  constructor(layout: RingLayout, start = 0) {
    const { cpus, blocks, blockBytes } = layout;
    this.#layout = layout;
    this.memory = {
      layout,
      rings: new ArrayBuffer(MAX_CPUS * RING_BYTES),
      blocks: new ArrayBuffer(cpus.length * blocks * blockBytes),
    };
    this.#words = new Uint32Array(this.memory.blocks);
    this.#positions = new BigInt64Array(this.memory.rings);
    for (const cpu of cpus) {
      this.setHead(cpu, BigInt(start));
      this.#positions[(cpu * RING_BYTES + RING_TAIL) / 8] = BigInt(start);
    }
  }

  head(cpu: number): number {
    return Number(this.#positions[(cpu * RING_BYTES + RING_HEAD) / 8]);
  }

  tail(cpu: number): number {
    return Number(this.#positions[(cpu * RING_BYTES + RING_TAIL) / 8]);
  }

  setHead(cpu: number, head: bigint): void {
    this.#positions[(cpu * RING_BYTES + RING_HEAD) / 8] = head;
  }

  /** Reserves room; returns the position of the record, or -1 if the ring is full. */
  reserve(cpu: number, units = 1): number {
    const head = this.head(cpu);
    if (head - this.tail(cpu) >= this.#layout.units - NESTING_UNITS) return -1;
    this.setHead(cpu, BigInt(head + units));
    return head;
  }

  /** Index of the first word of the unit at a position. */
  at(cpu: number, position: number): number {
    const { cpus, units, blocks, blockUnits, blockBytes } = this.#layout;
    const unit = position % units;
    const block = cpus.indexOf(cpu) * blocks + Math.floor(unit / blockUnits);
    return block * blockBytes / 4 + unit % blockUnits * UNIT_WORDS;
  }

  /** Stores a reserved record; its kind last. */
  complete(cpu: number, position: number, record: Uint32Array): void {
    const at = this.at(cpu, position);
    const words = record.slice();
    words[CPU_AND_KIND] = this.#words[at + CPU_AND_KIND]!;
    this.#words.set(words, at);
    this.#words[at + CPU_AND_KIND] = record[CPU_AND_KIND]!;
  }

  /** Reserves and completes; false if the ring is full. */
  write(cpu: number, record: Uint32Array): boolean {
    const position = this.reserve(cpu, record.length / UNIT_WORDS);
    if (position < 0) return false;
    this.complete(cpu, position, record);
    return true;
  }
}
