/**
 * The counters that the programs keep per CPU, read from their map without a system call.
 *
 * @module
 */

import { SharedMemory } from "../sys/shared_memory.ts";
import {
  COUNTER_LOST,
  COUNTER_PACKETS_KEPT,
  COUNTER_PACKETS_SEEN,
  COUNTER_RECORDED,
  COUNTER_UNTRACKED,
  COUNTERS_BYTES,
} from "./layout.ts";

/** Sums over all CPUs since the object was loaded. */
export interface Counts {
  /** Records written to the ring. */
  readonly recorded: number;
  /** Records lost because the ring was full. */
  readonly lost: number;
  /** Calls not followed because too many were open at once. */
  readonly untracked: number;
}

/** Sums over all CPUs of a sampled trace; 0 in other traces. */
export interface PacketCounts {
  /** Packets with a decision. */
  readonly seen: number;
  /** Those of them whose calls are recorded. */
  readonly kept: number;
}

/** The mapped counters. */
export class Counters implements Disposable {
  readonly #memory: SharedMemory;
  readonly #view: DataView;
  readonly #cpus: number;

  /**
   * @param map fd of the map `counters`
   * @param cpus number of its entries
   * @throws {SystemError} if it cannot be mapped
   */
  constructor(map: number, cpus: number) {
    const bytes = cpus * COUNTERS_BYTES;
    this.#cpus = cpus;
    this.#memory = new SharedMemory("the event counters", map, bytes);
    this.#view = new DataView(this.#memory.view(0, bytes));
  }

  /**
   * The current counts.
   *
   * @throws {TypeError} after dispose
   */
  read(): Counts {
    return {
      recorded: this.#sum(COUNTER_RECORDED),
      lost: this.#sum(COUNTER_LOST),
      untracked: this.#sum(COUNTER_UNTRACKED),
    };
  }

  /**
   * {@linkcode Counts.lost} alone.
   *
   * @throws {TypeError} after dispose
   */
  lost(): number {
    return this.#sum(COUNTER_LOST);
  }

  /**
   * The packets of a sampled trace so far.
   *
   * @throws {TypeError} after dispose
   */
  readPackets(): PacketCounts {
    return { seen: this.#sum(COUNTER_PACKETS_SEEN), kept: this.#sum(COUNTER_PACKETS_KEPT) };
  }

  #sum(offset: number): number {
    let sum = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      sum += Number(this.#view.getBigUint64(cpu * COUNTERS_BYTES + offset, true));
    }
    return sum;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
