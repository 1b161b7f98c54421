/**
 * The counters that the programs keep per CPU, read from their map without a system call.
 *
 * @module
 */

import { lastErrno, libc, SystemError } from "../sys/libc.ts";
import { COUNTER_LOST, COUNTER_RECORDED, COUNTER_UNTRACKED, COUNTERS_BYTES } from "./layout.ts";

const PROT_READ = 1;
const MAP_SHARED = 1;
const PAGE_BYTES = 4096;

/** Sums over all CPUs since the object was loaded. */
export interface Counts {
  /** Records written to the ring. */
  readonly recorded: number;
  /** Records that found no room in the ring. */
  readonly lost: number;
  /** Calls not followed because too many were open at once. */
  readonly untracked: number;
}

/** The mapped counters. */
export class Counters implements Disposable {
  readonly #pointer: Deno.PointerObject;
  readonly #bytes: number;
  readonly #view: DataView;
  readonly #cpus: number;

  /**
   * @param map fd of the map `counters`
   * @param cpus number of its entries
   */
  constructor(map: number, cpus: number) {
    this.#cpus = cpus;
    this.#bytes = Math.ceil(cpus * COUNTERS_BYTES / PAGE_BYTES) * PAGE_BYTES;
    const pointer = libc().mmap(null, BigInt(this.#bytes), PROT_READ, MAP_SHARED, map, 0n);
    if (pointer === null || Deno.UnsafePointer.value(pointer) === 0xffffffffffffffffn) {
      throw new SystemError("Cannot map the event counters", lastErrno());
    }
    this.#pointer = pointer;
    this.#view = new DataView(Deno.UnsafePointerView.getArrayBuffer(pointer, this.#bytes));
  }

  /** The counts as they stand. */
  read(): Counts {
    return {
      recorded: this.#sum(COUNTER_RECORDED),
      lost: this.#sum(COUNTER_LOST),
      untracked: this.#sum(COUNTER_UNTRACKED),
    };
  }

  #sum(offset: number): number {
    let sum = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      sum += Number(this.#view.getBigUint64(cpu * COUNTERS_BYTES + offset, true));
    }
    return sum;
  }

  [Symbol.dispose](): void {
    libc().munmap(this.#pointer, BigInt(this.#bytes));
  }
}
