/**
 * The calls of one packet, kept until its way is known, for a view of call trees.
 *
 * @module
 */

import { NONE, SELF, Step, TOTAL, type View } from "./events.ts";

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
// Further words of a step with details: of a start, and of an end.
const VIF = 7;
const NEXTHOP = 8;
const HAS_RESULT = 7;
const RESULT_LOW = 8;
const RESULT_HIGH = 9;
/** Two doubles: total and self. */
const TIMES = 10;
const WORDS_WITH_DETAILS = 14;

const ENTER = 0;
const LEAVE = 1;
const RETURN_LOST = 2;
const TRACE_ENDED = 3;

/** How a call ended. */
export type CallEnd = "leave" | "return lost" | "trace ended";

/** Times on their way into words, and out of them. */
const times = new Float64Array(2);
const timesWords = new Int32Array(times.buffer);

/** The calls of one packet, in the order of their events. */
export class JourneyCalls {
  readonly #size: number;
  #words: Int32Array;
  #count = 0;
  #depth = 0;
  #omitted = 0;

  /** @param hasDetails whether places, results and times are kept, too */
  constructor(hasDetails: boolean = false) {
    this.#size = hasDetails ? WORDS_WITH_DETAILS : WORDS;
    this.#words = new Int32Array(FIRST_STEPS * this.#size);
  }

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
      const at = index * this.#size;
      const kind = words[at + KIND_AND_CPU]! & 0xff;
      step.cpu = words[at + KIND_AND_CPU]! >>> 8;
      step.low = words[at + LOW]!;
      step.high = words[at + HIGH]!;
      step.task = words[at + TASK]!;
      step.fn = words[at + FN]!;
      step.call = words[at + CALL]!;
      step.reason = words[at + REASON]!;
      step.depth = kind === ENTER ? depth++ : --depth;
      if (this.#size === WORDS_WITH_DETAILS) this.#readDetails(step, kind, at);
      if (kind === ENTER) view.enter(step);
      else if (kind === LEAVE) view.leave(step);
      else view.abandon(step, kind === TRACE_ENDED ? "trace ended" : "return lost");
    }
  }

  #add(kind: number, step: Readonly<Step>): void {
    let words = this.#words;
    const at = this.#count++ * this.#size;
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
    if (this.#size === WORDS_WITH_DETAILS) this.#addDetails(kind, step, at);
  }

  #addDetails(kind: number, step: Readonly<Step>, at: number): void {
    const words = this.#words;
    if (kind === ENTER) {
      words[at + VIF] = step.vif;
      words[at + NEXTHOP] = step.nexthop;
      return;
    }
    if (kind !== LEAVE) return;
    words[at + HAS_RESULT] = step.hasResult ? 1 : 0;
    words[at + RESULT_LOW] = step.resultLow;
    words[at + RESULT_HIGH] = step.resultHigh;
    times.set(step.times);
    words.set(timesWords, at + TIMES);
  }

  #readDetails(step: Step, kind: number, at: number): void {
    const words = this.#words;
    step.vif = kind === ENTER ? words[at + VIF]! : NONE;
    step.nexthop = kind === ENTER ? words[at + NEXTHOP]! : NONE;
    step.hasResult = kind === LEAVE && words[at + HAS_RESULT] === 1;
    step.resultLow = words[at + RESULT_LOW]!;
    step.resultHigh = words[at + RESULT_HIGH]!;
    timesWords.set(words.subarray(at + TIMES, at + TIMES + 4));
    step.times[TOTAL] = kind === LEAVE ? times[TOTAL]! : NaN;
    step.times[SELF] = kind === LEAVE ? times[SELF]! : NaN;
  }
}
