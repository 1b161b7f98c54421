/**
 * The time of one packet, as stages that follow one another: each begins where the one before ends, so
 * they add up to the whole.
 *
 * @module
 */

import { type Stage, type StageName, STAGES } from "./journey.ts";

/** More are not kept apart: the time goes on under the last one. */
export const MAX_STAGES = 64;

const TWO_32 = 2 ** 32;

/** A time as steps have it, in two halves. */
export interface StepTime {
  readonly low: number;
  readonly high: number;
}

/** The stages of one packet so far. */
export class Timeline {
  /** Number of the current stage; -1 before the first. */
  stage = -1;
  /** That which the time goes on under. */
  #kept = -1;
  readonly #stages: Stage[] = [];
  #low = 0;
  #high = 0;
  #firstLow = 0;
  #firstHigh = 0;
  #omitted = 0;

  /** Stages that were not kept apart. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Starts at `time` with a stage. */
  start(time: StepTime, stage: number): void {
    this.#low = this.#firstLow = time.low;
    this.#high = this.#firstHigh = time.high;
    this.stage = this.#kept = stage;
  }

  /** Goes to a stage, which may be the current one. */
  go(time: StepTime, stage: number): void {
    if (stage === this.stage) return;
    this.stage = stage;
    if (this.#stages.length >= MAX_STAGES - 1) {
      this.#omitted++;
      return;
    }
    this.#close(time);
    this.#kept = stage;
  }

  /** Nanoseconds that the current stage has taken until `time`; exact, however large that is. */
  since({ low, high }: StepTime): number {
    return Math.max(0, (high - this.#high) * TWO_32 + ((low >>> 0) - (this.#low >>> 0)));
  }

  /** Ends at `time`; returns all stages. */
  end(time: StepTime): readonly Stage[] {
    this.#close(time);
    return this.#stages;
  }

  /** Nanoseconds of CLOCK_MONOTONIC. */
  get begin(): bigint {
    return BigInt(this.#firstHigh >>> 0) << 32n | BigInt(this.#firstLow >>> 0);
  }

  /** Records of different CPUs may be out of order by a little: time stands still then. */
  #close(time: StepTime): void {
    const duration = this.since(time);
    this.#stages.push({ name: STAGES[this.#kept] as StageName, duration });
    if (duration === 0) return;
    this.#low = time.low;
    this.#high = time.high;
  }
}
