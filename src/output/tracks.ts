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

/** What a format keeps of each track. */
export class Tracks<T> {
  readonly #byKey = new Map<number, T>();
  readonly #make: (key: number) => T;
  /** The latest one: most steps are of the same as the one before. */
  #key = NaN;
  #track: T | undefined;

  /** @param make makes what is kept of the track with this key, see `contextKey()` */
  constructor(make: (key: number) => T) {
    this.#make = make;
  }

  /** Of a step's task. */
  of({ task, cpu }: Readonly<Step>): T {
    const key = contextKey(task, cpu);
    if (key === this.#key) return this.#track!;
    let track = this.#byKey.get(key);
    if (track === undefined) {
      track = this.#make(key);
      this.#byKey.set(key, track);
    }
    this.#key = key;
    this.#track = track;
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

/** Nanoseconds since a moment: exact for 104 days, however large both times are. */
export class Since {
  #low = 0;
  #high = 0;

  /** The moment is the time of this step. */
  start({ low, high }: Readonly<Step>): void {
    this.#low = low;
    this.#high = high;
  }

  /** Below zero for a step of an earlier time. */
  to({ low, high }: Readonly<Step>): number {
    return ((high >>> 0) - (this.#high >>> 0)) * TWO_32 + ((low >>> 0) - (this.#low >>> 0));
  }
}
