/**
 * Tasks as formats of calls have them: each is a track of its own, and so is the idle task of each CPU, all of
 * which have the thread id 0.
 *
 * @module
 */

import type { Step } from "../trace/events.ts";
import { contextKey } from "../trace/open_calls.ts";
import { printable } from "../sys/printable.ts";
import type { Origin } from "./view.ts";

/** A power of two. */
const RECENT = 256;

/** What a format keeps of each track. */
export class Tracks<T> {
  readonly #byKey = new Map<number, T>();
  readonly #make: (key: number) => T;
  // The latest one of each CPU, modulo their length: most steps are of the same as the one before.
  readonly #keys = new Int32Array(RECENT);
  readonly #recent: (T | undefined)[] = new Array<T | undefined>(RECENT).fill(undefined);

  /** @param make makes what is kept of the track with this key, see `contextKey()` */
  constructor(make: (key: number) => T) {
    this.#make = make;
  }

  /** Of a step's task. */
  of({ task, cpu }: Readonly<Step>): T {
    const key = contextKey(task, cpu);
    const recent = cpu & (RECENT - 1);
    const last = this.#recent[recent];
    if (last !== undefined && this.#keys[recent] === key) return last;
    let track = this.#byKey.get(key);
    if (track === undefined) {
      track = this.#make(key);
      this.#byKey.set(key, track);
    }
    this.#keys[recent] = key;
    this.#recent[recent] = track;
    return track;
  }

  /** All of them, in the order of their first steps. */
  all(): Iterable<T> {
    return this.#byKey.values();
  }
}

/** What a track is called. */
export function trackName(key: number, origin: Origin): string {
  if (key < 0) return `idle, CPU ${~key}`;
  const name = origin.task(key);
  return name === null ? `task ${key}` : `${printable(name)} (${key})`;
}

const TWO_32 = 2 ** 32;

/** Nanoseconds since a moment: exact for 104 days, however large the time is. */
export class Since {
  #low = 0;
  #high = 0;

  /** The moment is the time of this step. */
  start({ low, high }: Readonly<Step>): void {
    this.#low = low;
    this.#high = high;
  }

  /** Below zero for a step of an earlier time, and never more than can be exact. */
  to({ low, high }: Readonly<Step>): number {
    const since = ((high >>> 0) - (this.#high >>> 0)) * TWO_32 + ((low >>> 0) - (this.#low >>> 0));
    return Math.min(since, Number.MAX_SAFE_INTEGER);
  }
}

/** Nanoseconds from one step to the next: a whole number, exact however large the time is. */
export class Increments {
  #low = 0;
  #high = 0;

  /** The time of this step is the latest one. */
  start({ low, high }: Pick<Step, "low" | "high">): void {
    this.#low = low;
    this.#high = high;
  }

  /** Halves of the latest time. */
  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }

  /** Since the latest time; 0 for an earlier one, as clocks of CPUs differ by a little. */
  to({ low, high }: Readonly<Step>): number {
    const lows = (low >>> 0) - (this.#low >>> 0);
    const since = ((high >>> 0) - (this.#high >>> 0)) * TWO_32 + lows;
    if (since <= 0) return 0;
    this.#low = low;
    this.#high = high;
    return since;
  }
}
