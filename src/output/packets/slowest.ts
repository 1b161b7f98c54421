/**
 * Packets in the order of the time that they took.
 *
 * @module
 */

import type { Journey } from "../../trace/journey.ts";
import type { PacketView } from "./view.ts";

/** Packets that are kept at most: some tens of megabytes. */
const MAX_KEPT = 10_000;

/** Keeps the slowest packets, and prints them at the end, the slowest first. */
export class SlowestFirst implements PacketView {
  readonly isFull = false;
  readonly #print: (journey: Journey) => void;
  readonly #limit: number;
  #kept: Journey[] = [];
  #leftOut = 0;

  /**
   * @param print writes one
   * @param limit number of packets to print; `null` for as many as are kept
   */
  constructor(print: (journey: Journey) => void, limit: number | null, most: number = MAX_KEPT) {
    this.#print = print;
    this.#limit = Math.min(limit ?? most, most);
  }

  /** Faster packets that are not printed. */
  get leftOut(): number {
    return this.#leftOut + Math.max(0, this.#kept.length - this.#limit);
  }

  packet(journey: Journey): void {
    this.#kept.push(journey);
    // Sorting them at once for every so many costs little for each.
    if (this.#kept.length >= 2 * this.#limit + 64) this.#cut();
  }

  finish(): void {
    this.#cut();
    for (const journey of this.#kept) this.#print(journey);
    this.#kept = [];
  }

  #cut(): void {
    this.#kept.sort((a, b) => b.duration - a.duration || a.number - b.number);
    this.#leftOut += Math.max(0, this.#kept.length - this.#limit);
    this.#kept.length = Math.min(this.#kept.length, this.#limit);
  }
}
