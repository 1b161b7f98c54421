/**
 * Chains of calls, and what the last function of each took without the calls inside it, of all tasks
 * together: what a flame graph shows. What is not known, because records were lost, is left out.
 *
 * @module
 */

import { NONE, SELF, type Step, type View } from "../trace/events.ts";
import { Tracks } from "./tracks.ts";

/** The root of the chains. */
const ROOT = 0;

/** A chain of calls, by its last one. */
export interface Chain {
  /** Index of the function. */
  readonly fn: number;
  /** Number of functions around it. */
  readonly depth: number;
  /** Nanoseconds, of all calls. */
  readonly self: number;
  /** Calls whose time is known. */
  readonly calls: number;
}

/** The calls of a task that are open: depth and chain of each. */
class Open {
  depth = new Int32Array(16);
  chain = new Int32Array(16);
  length = 0;

  push(depth: number, chain: number): void {
    if (this.length === this.depth.length) {
      this.depth = grown(this.depth, this.length);
      this.chain = grown(this.chain, this.length);
    }
    this.depth[this.length] = depth;
    this.chain[this.length++] = chain;
  }
}

/** Adds up what chains take. Has to be told how long calls take. */
export class Chains implements Pick<View, "enter" | "leave"> {
  readonly #tracks = new Tracks(() => new Open());
  // By chain: its last function, and the chains that are one function longer as a list.
  #function = new Int32Array(1024);
  #first = new Int32Array(1024).fill(NONE);
  #next = new Int32Array(1024).fill(NONE);
  /** By chain: nanoseconds. */
  #self = new Float64Array(1024);
  #calls = new Float64Array(1024);
  #count = 1;

  enter(step: Readonly<Step>): void {
    const open = this.#tracks.of(step);
    const { depth, fn } = step;
    // Not all calls around it may be shown.
    while (open.length > 0 && open.depth[open.length - 1]! >= depth) open.length--;
    const around = open.length === 0 ? ROOT : open.chain[open.length - 1]!;
    open.push(depth, this.#longer(around, fn));
  }

  leave(step: Readonly<Step>): void {
    const open = this.#tracks.of(step);
    while (open.length > 0 && open.depth[open.length - 1]! > step.depth) open.length--;
    if (open.length === 0) return;
    const chain = open.chain[--open.length]!;
    const self = step.times[SELF]!;
    if (Number.isNaN(self)) return;
    this.#self[chain]! += self;
    this.#calls[chain]!++;
  }

  /** The call is closed without a return. */
  abandon(step: Readonly<Step>): void {
    const open = this.#tracks.of(step);
    while (open.length > 0 && open.depth[open.length - 1]! >= step.depth) open.length--;
  }

  /** All chains, each in front of those that are longer by one function. */
  *all(): Generator<Chain, void, undefined> {
    const left: [chain: number, depth: number][] = [[this.#first[ROOT]!, 0]];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [chain, depth] = next;
      if (chain === NONE) continue;
      yield {
        fn: this.#function[chain]!,
        depth,
        self: this.#self[chain]!,
        calls: this.#calls[chain]!,
      };
      left.push([this.#next[chain]!, depth], [this.#first[chain]!, depth + 1]);
    }
  }

  /** The chain with one more function. */
  #longer(chain: number, fn: number): number {
    let last = NONE;
    for (let one = this.#first[chain]!; one !== NONE; one = this.#next[one]!) {
      if (this.#function[one] === fn) return one;
      last = one;
    }
    if (this.#count === this.#function.length) this.#grow();
    const made = this.#count++;
    this.#function[made] = fn;
    if (last === NONE) this.#first[chain] = made;
    else this.#next[last] = made;
    return made;
  }

  #grow(): void {
    const count = this.#count;
    this.#function = grown(this.#function, count);
    this.#first = grown(this.#first, count);
    this.#next = grown(this.#next, count);
    this.#self = longer(this.#self);
    this.#calls = longer(this.#calls);
  }
}

/** The same numbers with as much room again. */
function grown(numbers: Int32Array<ArrayBuffer>, count: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(2 * count).fill(NONE);
  more.set(numbers);
  return more;
}

/** Likewise. */
function longer(numbers: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const more = new Float64Array(2 * numbers.length);
  more.set(numbers);
  return more;
}
