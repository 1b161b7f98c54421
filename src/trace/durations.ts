/**
 * How long calls take, with and without the traced calls inside them.
 *
 * @module
 */

import { NONE, SELF, type Step, TOTAL } from "./events.ts";

const TWO_32 = 2 ** 32;

/** Keeps the start of each open call. Allocates nothing but its arrays. */
export class Durations {
  /** By open call: halves of the time of its start. */
  #low = new Int32Array(1024);
  #high = new Int32Array(1024);
  /** By open call: nanoseconds of the calls inside it that have returned; NaN if not all are known. */
  #inside = new Float64Array(1024);

  /**
   * A call starts.
   *
   * @param isDoubtful whether records of calls inside it may have been lost
   */
  entered({ call, low, high }: Readonly<Step>, isDoubtful: boolean): void {
    if (call >= this.#low.length) this.#grow(call);
    this.#low[call] = low;
    this.#high[call] = high;
    this.#inside[call] = isDoubtful ? NaN : 0;
  }

  /**
   * A call returns: sets the step's times.
   *
   * @param around the call around it, or {@linkcode NONE}
   */
  returned(step: Step, around: number): void {
    const { call, low, high } = step;
    const lows = (low >>> 0) - (this.#low[call]! >>> 0);
    // The difference is exact, even where the time itself is not.
    const total = Math.max(0, (high - this.#high[call]!) * TWO_32 + lows);
    step.times[TOTAL] = total;
    step.times[SELF] = Math.max(0, total - this.#inside[call]!);
    if (around !== NONE) this.#inside[around]! += total;
  }

  /** The start or the end of a call inside `around` is missing: what `around` itself takes is not known. */
  abandoned(around: number): void {
    if (around !== NONE) this.#inside[around] = NaN;
  }

  /** Records were lost, inside whatever call is open. */
  lost(): void {
    this.#inside.fill(NaN);
  }

  #grow(call: number): void {
    const length = Math.max(2 * this.#low.length, call + 1);
    const low = new Int32Array(length);
    const high = new Int32Array(length);
    const inside = new Float64Array(length);
    low.set(this.#low);
    high.set(this.#high);
    inside.set(this.#inside);
    this.#low = low;
    this.#high = high;
    this.#inside = inside;
  }
}
