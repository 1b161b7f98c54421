/**
 * The trace as collapsed stacks, for flame graphs: a line for each chain of calls, `vm_rx;vr_virtual_input 1234`,
 * with the nanoseconds that its last function took without the calls inside it, of all tasks together. What
 * is not known, because records were lost, is left out.
 *
 * Read by flamegraph.pl, inferno, speedscope and others.
 *
 * @module
 */

import { printable } from "../sys/printable.ts";
import { NONE, SELF, type Step } from "../trace/events.ts";
import type { LineWriter } from "./line_writer.ts";
import { Tracks } from "./tracks.ts";
import type { Format, OutputView } from "./view.ts";

/** The format's entry in the list. */
export const COLLAPSED: Format = {
  packets: false,
  drops: false,
  durations: true,
  open: (writer, { functions }) => new CollapsedView(writer, functions),
};

/** The root of the chains. */
const ROOT = 0;
/** Lines that are written at a time. */
const LINES = 1024;

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

/** Adds up what chains take, and writes that at the end. */
class CollapsedView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #names: readonly string[];
  readonly #tracks = new Tracks(() => new Open());
  // By chain: its last function, and the chains that are one function longer as a list.
  #function = new Int32Array(1024);
  #first = new Int32Array(1024).fill(NONE);
  #next = new Int32Array(1024).fill(NONE);
  /** By chain: nanoseconds. */
  #self = new Float64Array(1024);
  #chains = 1;

  constructor(writer: LineWriter, functions: readonly string[]) {
    this.#writer = writer;
    this.#names = functions.map((name) => printable(name).replaceAll(/[; ]/g, "_"));
  }

  begin(): number {
    return 0;
  }

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
    if (!Number.isNaN(self)) this.#self[chain]! += self;
  }

  abandon(step: Readonly<Step>): void {
    const open = this.#tracks.of(step);
    while (open.length > 0 && open.depth[open.length - 1]! >= step.depth) open.length--;
  }

  orphan(): void {}

  *end(): Generator<void, void, undefined> {
    let lines = 0;
    // Chains to write, and the length of the path of each.
    const path: string[] = [];
    const left: [chain: number, depth: number][] = [[this.#first[ROOT]!, 0]];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [chain, depth] = next;
      if (chain === NONE) continue;
      path.length = depth;
      path.push(this.#names[this.#function[chain]!]!);
      const self = this.#self[chain]!;
      if (self > 0) {
        this.#writer.text(`${path.join(";")} ${self}\n`);
        if (++lines % LINES === 0) yield;
      }
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
    if (this.#chains === this.#function.length) this.#grow();
    const made = this.#chains++;
    this.#function[made] = fn;
    if (last === NONE) this.#first[chain] = made;
    else this.#next[last] = made;
    return made;
  }

  #grow(): void {
    const count = this.#chains;
    this.#function = grown(this.#function, count);
    this.#first = grown(this.#first, count);
    this.#next = grown(this.#next, count);
    const self = new Float64Array(2 * count);
    self.set(this.#self);
    this.#self = self;
  }
}

/** The same numbers with as much room again. */
function grown(numbers: Int32Array<ArrayBuffer>, count: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(2 * count).fill(NONE);
  more.set(numbers);
  return more;
}
