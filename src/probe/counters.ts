/**
 * The counters that the programs keep per CPU, read from mapped memory.
 *
 * @module
 */

import {
  RING_BYTES,
  RING_EXTRA,
  RING_HEAD,
  RING_LOST,
  RING_PACKETS_COPIED,
  RING_PACKETS_ENDED,
  RING_PACKETS_EVICTED,
  RING_PACKETS_KEPT,
  RING_PACKETS_SEEN,
  RING_PACKETS_UNFOLLOWED,
  RING_UNTRACKED,
} from "./layout.ts";

/** Sums over all CPUs since the object was loaded. */
export interface Counts {
  /** Records written to the rings. */
  readonly recorded: number;
  /** Records lost because the ring of their CPU was full, or it had none. */
  readonly lost: number;
  /** Calls not followed because too many were open at once. */
  readonly untracked: number;
}

/** Sums over all CPUs of what became of packets. */
export interface PacketCounts {
  /** Packets of the selected interfaces. */
  readonly seen: number;
  /** Those of them whose calls are recorded. */
  readonly kept: number;
  /** Copies of those, whose calls are recorded as well. */
  readonly copied: number;
  /** Recorded packets that were freed. */
  readonly ended: number;
  /** Recorded packets lost from sight, because there were too many at once. */
  readonly evicted: number;
  /** Calls that copied a packet in a way that could not be followed. */
  readonly unfollowed: number;
}

/** The mapped counters. */
export class Counters {
  readonly #view: DataView;

  /** @param rings `rings` of `struct vrft_control`, by CPU, of all CPUs that there may be */
  constructor(rings: ArrayBuffer) {
    this.#view = new DataView(rings);
  }

  /**
   * The current counts.
   *
   * @throws {TypeError} after the memory was unmapped
   */
  read(): Counts {
    return {
      recorded: this.#sum(RING_HEAD) - this.#sum(RING_EXTRA),
      lost: this.lost(),
      untracked: this.#sum(RING_UNTRACKED),
    };
  }

  /**
   * {@linkcode Counts.lost} alone.
   *
   * @throws {TypeError} as {@linkcode read}
   */
  lost(): number {
    return this.#sum(RING_LOST);
  }

  /**
   * The packets so far.
   *
   * @throws {TypeError} as {@linkcode read}
   */
  readPackets(): PacketCounts {
    return {
      seen: this.#sum(RING_PACKETS_SEEN),
      kept: this.#sum(RING_PACKETS_KEPT),
      copied: this.#sum(RING_PACKETS_COPIED),
      ended: this.#sum(RING_PACKETS_ENDED),
      evicted: this.#sum(RING_PACKETS_EVICTED),
      unfollowed: this.#sum(RING_PACKETS_UNFOLLOWED),
    };
  }

  #sum(offset: number): number {
    let sum = 0;
    for (let at = offset; at < this.#view.byteLength; at += RING_BYTES) {
      const low = this.#view.getUint32(at, true);
      const high = this.#view.getUint32(at + 4, true);
      sum += high * 2 ** 32 + low;
    }
    return sum;
  }
}
