/**
 * How the memory of the rings is divided among CPUs: see bpf/record.h.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import {
  BLOCK_BITS,
  CONTROL_RINGS,
  MAX_CPUS,
  NESTING_UNITS,
  RING_BLOCK_MASK,
  RING_BYTES,
  RING_FIRST_BLOCK,
  RING_LIMIT,
} from "./layout.ts";
import { EVENT_BYTES, MAX_UNITS } from "./record.ts";

/** A ring holds at least so many units besides those kept free for nested programs. */
const MIN_UNITS = 2 * NESTING_UNITS;

/** The rings of a trace. */
export interface RingLayout {
  /** CPUs with a ring, in the order of their memory. */
  readonly cpus: readonly number[];
  /** Units of each ring: a power of two. */
  readonly units: number;
  /** Blocks of each ring: a power of two. */
  readonly blocks: number;
  /** Units of a block without the room behind them: a power of two. */
  readonly blockUnits: number;
  /** Bytes of a block with that room. */
  readonly blockBytes: number;
}

/**
 * The largest rings that together take no more than `bytes`; the smallest ones if even these take more.
 *
 * @param cpus those in use: another one that comes up later has no ring, and its records are lost
 * @throws {Failure} if there are more CPUs than the programs have rings for
 */
export function ringLayout(bytes: number, cpus: readonly number[]): RingLayout {
  const beyond = cpus.find((cpu) => cpu >= MAX_CPUS);
  if (beyond !== undefined) {
    throw new Failure(
      "ring",
      `Cannot trace CPU ${beyond}: there are ring buffers for CPUs 0 to ${MAX_CPUS - 1}`,
    );
  }
  const room = Math.floor(bytes / (cpus.length * EVENT_BYTES));
  const units = Math.max(MIN_UNITS, 2 ** Math.floor(Math.log2(Math.max(1, room))));
  const blockUnits = Math.min(units, 2 ** BLOCK_BITS);
  return {
    cpus,
    units,
    blocks: units / blockUnits,
    blockUnits,
    blockBytes: (blockUnits + MAX_UNITS) * EVENT_BYTES,
  };
}

/**
 * Gives each CPU its ring.
 *
 * @param control the programs' `struct vrft_control`
 */
export function setRings(control: ArrayBuffer, layout: RingLayout): void {
  const view = new DataView(control, CONTROL_RINGS);
  for (const [index, cpu] of layout.cpus.entries()) {
    const ring = cpu * RING_BYTES;
    view.setUint32(ring + RING_FIRST_BLOCK, index * layout.blocks, true);
    view.setUint32(ring + RING_BLOCK_MASK, layout.blocks - 1, true);
    view.setBigUint64(ring + RING_LIMIT, BigInt(layout.units - NESTING_UNITS), true);
  }
}
