/**
 * The calls of one packet, kept until its way is known, for a view of call trees.
 *
 * @module
 */

import { NONE, Step, type View } from "./events.ts";

/** Steps that a packet keeps at most: a flood has some hundred for its original. */
const MAX_STEPS = 8192;
const FIRST_STEPS = 64;

// Words of a step.
/** Kind in bits 0-7, CPU in bits 8-23. */
const KIND_AND_CPU = 0;
const LOW = 1;
const HIGH = 2;
const TASK = 3;
const FN = 4;
const CALL = 5;
const REASON = 6;
const WORDS = 7;

const ENTER = 0;
const LEAVE = 1;
const RETURN_LOST = 2;
const TRACE_ENDED = 3;

/** How a call ended. */
export type CallEnd = "leave" | "return lost" | "trace ended";

/** The calls of one packet, in the order of their events. */
export class JourneyCalls {
  #words = new Int32Array(FIRST_STEPS * WORDS);
  #count = 0;
  #depth = 0;
  #omitted = 0;

  /** Calls that are not kept, as there were too many. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Steps that are kept. */
  get length(): number {
    return this.#count;
  }

  /**
   * A call starts. There will be room for its end.
   *
   * @returns whether it is kept; only then may it end
   */
  enter(step: Readonly<Step>): boolean {
    if (this.#count + this.#depth + 2 > MAX_STEPS) {
      this.#omitted++;
      return false;
    }
    this.#add(ENTER, step);
    this.#depth++;
    return true;
  }

  /** A call that is kept ends. */
  end(step: Readonly<Step>, how: CallEnd): void {
    this.#add(how === "leave" ? LEAVE : how === "return lost" ? RETURN_LOST : TRACE_ENDED, step);
    this.#depth--;
  }

  /**
   * Tells a view the calls, with the packet's own nesting: depth 0 is a call that no other of this packet
   * has led to.
   *
   * @param packet handle for the steps
   */
  replay(view: View, packet: number = NONE): void {
    const step = new Step();
    const words = this.#words;
    step.packet = packet;
    let depth = 0;
    for (let index = 0; index < this.#count; index++) {
      const at = index * WORDS;
      const kind = words[at + KIND_AND_CPU]! & 0xff;
      step.cpu = words[at + KIND_AND_CPU]! >>> 8;
      step.low = words[at + LOW]!;
      step.high = words[at + HIGH]!;
      step.task = words[at + TASK]!;
      step.fn = words[at + FN]!;
      step.call = words[at + CALL]!;
      step.reason = words[at + REASON]!;
      step.depth = kind === ENTER ? depth++ : --depth;
      if (kind === ENTER) view.enter(step);
      else if (kind === LEAVE) view.leave(step);
      else view.abandon(step, kind === TRACE_ENDED ? "trace ended" : "return lost");
    }
  }

  #add(kind: number, step: Readonly<Step>): void {
    let words = this.#words;
    const at = this.#count++ * WORDS;
    if (at === words.length) {
      words = new Int32Array(2 * words.length);
      words.set(this.#words);
      this.#words = words;
    }
    words[at + KIND_AND_CPU] = kind | step.cpu << 8;
    words[at + LOW] = step.low;
    words[at + HIGH] = step.high;
    words[at + TASK] = step.task;
    words[at + FN] = step.fn;
    words[at + CALL] = step.call;
    words[at + REASON] = kind === ENTER ? step.reason : NONE;
  }
}
