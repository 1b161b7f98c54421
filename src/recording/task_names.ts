/**
 * Names for the tasks that records have. A name is read when the records of the task are written, at most half a
 * second after the first: tasks that have ended by then stay without one.
 *
 * @module
 */

import { threadName } from "../sys/files.ts";
import { TASK } from "../probe/record.ts";
import type { RecordedTask } from "./sections.ts";

/** PID_MAX_LIMIT of 64-bit kernels. */
const MAX_THREADS = 1 << 22;
/** Names that a reader keeps: after so many tasks, those that occur then are named anew. */
const MAX_TASKS = 65_536;

/** Finds the names of the tasks in records. */
export class OccurringTasks {
  readonly #read: (thread: number) => string | null;
  readonly #seen = new Uint32Array(MAX_THREADS / 32);
  #new: number[] = [];
  #count = 0;

  /** @param read reads the name of a thread; `null` if there is none (any more) */
  constructor(read: (thread: number) => string | null = threadName) {
    this.#read = read;
  }

  /** Takes note of a record's task. */
  note(words: Uint32Array, at: number): void {
    const thread = words[at + TASK]!;
    if (thread >= MAX_THREADS) return;
    const bit = 1 << (thread & 31);
    const word = thread >>> 5;
    if ((this.#seen[word]! & bit) !== 0) return;
    this.#seen[word]! |= bit;
    // The idle tasks have no directory in /proc.
    if (thread === 0) return;
    this.#new.push(thread);
    if (++this.#count < MAX_TASKS) return;
    this.#seen.fill(0);
    this.#count = 0;
  }

  /** All are new again: a long trace outlives tasks, whose numbers others get. */
  forget(): void {
    this.#seen.fill(0);
    this.#count = this.#new.length = 0;
  }

  /** The names of the tasks that occurred since the last call. */
  take(): readonly RecordedTask[] {
    if (this.#new.length === 0) return [];
    const threads = this.#new;
    this.#new = [];
    return threads.flatMap((thread) => {
      const name = this.#read(thread);
      return name === null ? [] : [[thread, name] as const];
    });
  }
}
