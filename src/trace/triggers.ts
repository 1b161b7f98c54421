/**
 * Watches the records of a trace for what a flight recorder is to write: a packet that is dropped, or one that
 * takes too long. A record takes the same time whatever it is, and nothing is allocated for it.
 *
 * The time of a packet is that of `vrft packets`: from where it comes in until a device or the host's stack has
 * it. It is told when the packet is seen for the first time after that long, not when its way is over.
 *
 * @module
 */

import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { PARENT_GENERATION, PARENT_SLOT } from "../probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  FRAME,
  FUNCTION_MASK,
  KIND_COPY,
  KIND_DROP,
  KIND_END,
  KIND_ENTRY,
  KIND_MATCH,
  KIND_PACKET,
  KIND_RETURN,
  NO_RETURN,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
} from "../probe/record.ts";
import { BOUNDARIES } from "./stages.ts";

/** What a record has triggered. */
export const NOTHING = 0;
export const DROPPED = 1;
export const SLOW = 2;

// What a function between stages does, by its number.
const IS_BOUNDARY = 1;
/** It may be the first. */
const STARTS = 2;
/** It begins another way of a packet that was handed over. */
const ENTERS = 4;
/** The packet is about to leave. */
const SENDS = 8;
/** The packet waits. */
const QUEUES = 16;
/** Only packets that are about to leave. */
const OF_SENT = 32;
const HANDS = 64;

// What is known of the packet in a slot.
const TRAVELS = 1;
/** It was copied from one on its way: so is the copy, from then on, if it comes to a boundary. */
const INHERITS = 2;
const SENDING = 4;
const QUEUED = 8;
const MATCHED = 16;
const TOLD = 32;
/** It has come in once. */
const HAS_COME = 64;
/** What stays true when its way is over. */
const KEPT = MATCHED | HAS_COME;
const LEAVING = SENDING | QUEUED;

const TWO_32 = 2 ** 32;
/** No slot. */
const NONE = -1;

/** What to watch for. */
export interface TriggersOptions {
  /** Functions by the number in records. */
  readonly functions: readonly { readonly name: string }[];
  /** Whether a drop is one to tell of, by its record; `null` for none. */
  readonly drop: ((words: Uint32Array, at: number, bytes: number) => boolean) | null;
  /** Nanoseconds from which on a packet is slow; `null` to tell of none. */
  readonly slower: number | null;
  /** Whether only packets count of which a record says that they match. */
  readonly conditional: boolean;
}

/** Watches records. */
export class Triggers {
  readonly #drop: TriggersOptions["drop"];
  readonly #slower: number;
  readonly #conditional: boolean;
  readonly #functions: Uint8Array;
  // By slot.
  readonly #state = new Uint8Array(SLOTS);
  readonly #generation = new Uint8Array(SLOTS);
  readonly #low = new Uint32Array(SLOTS);
  readonly #high = new Uint32Array(SLOTS);
  /** Frame of the call that hands it over. */
  readonly #hand = new Uint32Array(SLOTS);
  /** Calls of functions between stages that have not returned. */
  readonly #open = new Uint8Array(SLOTS);
  readonly #evicted = new Uint32Array(1);
  readonly #time = new Float64Array(2);

  constructor({ functions, drop, slower, conditional }: TriggersOptions) {
    this.#drop = drop;
    this.#slower = slower ?? Infinity;
    this.#conditional = conditional;
    this.#functions = Uint8Array.from(functions, ({ name }) => doesOf(name));
  }

  /** Packets on their way whose slot another one has taken, so that nobody knows how long they took. */
  get evicted(): number {
    return this.#evicted[0]!;
  }

  /** Nanoseconds: when the last trigger was, and when its packet came in, as far as that is known. */
  get at(): number {
    return this.#time[0]!;
  }

  get from(): number {
    return this.#time[1]!;
  }

  /** Takes note of a record. @returns {@linkcode NOTHING}, {@linkcode DROPPED} or {@linkcode SLOW} */
  note(words: Uint32Array, at: number, bytes: number): number {
    const last = words[at + CPU_AND_KIND]!;
    const call = words[at + CALL]!;
    const slot = call >>> 16;
    // A long record of a call is one.
    const kind = (last >>> 16) & 0x7f;
    if (kind === KIND_RETURN) {
      if ((this.#state[slot]! & TRAVELS) === 0) return NOTHING;
      const found = this.#look(words, at, slot);
      if ((this.#functions[call & FUNCTION_MASK]! & IS_BOUNDARY) !== 0) {
        this.#return(slot, words[at + FRAME]!);
      }
      return found;
    }
    const generation = last >>> 24;
    const isThere = this.#generation[slot] === generation;
    if (kind === KIND_DROP) return this.#dropped(words, at, bytes, isThere ? slot : NONE);
    if (kind === KIND_END) return isThere ? this.#end(words, at, slot) : NOTHING;
    // Not all decisions say whose they are.
    if (kind > KIND_MATCH) return NOTHING;
    if (!isThere) this.#take(slot, generation);
    switch (kind) {
      case KIND_ENTRY: {
        const does = this.#functions[call & FUNCTION_MASK]!;
        if ((does & IS_BOUNDARY) !== 0) {
          this.#enter(words, at, slot, does);
          if ((call & NO_RETURN) === 0 && this.#open[slot]! < 0xff) this.#open[slot]!++;
        }
        return this.#look(words, at, slot);
      }
      case KIND_PACKET:
        // It comes in again, and has left although that was not seen.
        if (this.#isAway(slot)) this.#state[slot]! &= MATCHED;
        return this.#look(words, at, slot);
      case KIND_COPY:
        this.#copy(words, at, slot);
        return NOTHING;
      default:
        this.#state[slot]! |= MATCHED;
        return this.#look(words, at, slot);
    }
  }

  /** Another packet has a slot. */
  #take(slot: number, generation: number): void {
    if ((this.#state[slot]! & TRAVELS) !== 0) this.#evicted[0]!++;
    this.#generation[slot] = generation;
    this.#state[slot] = 0;
    this.#open[slot] = 0;
  }

  #end(words: Uint32Array, at: number, slot: number): number {
    const found = this.#look(words, at, slot);
    this.#state[slot] = this.#open[slot] = 0;
    return found;
  }

  #copy(words: Uint32Array, at: number, slot: number): void {
    const parent = words[at + PARENT_SLOT]! & 0xffff;
    const isThere = this.#generation[parent] === (words[at + PARENT_GENERATION]! & 0xff);
    const state = isThere ? this.#state[parent]! : 0;
    this.#state[slot]! |= state & MATCHED;
    if ((state & TRAVELS) === 0 || (this.#state[slot]! & TRAVELS) !== 0) return;
    this.#state[slot]! |= INHERITS | (state & LEAVING);
    this.#begin(words, at, slot);
  }

  #begin(words: Uint32Array, at: number, slot: number): void {
    this.#low[slot] = words[at + TIMESTAMP_LOW]!;
    this.#high[slot] = words[at + TIMESTAMP_HIGH]!;
  }

  /** Whether a packet has come in, and is no longer on its way, or about to leave. */
  #isAway(slot: number): boolean {
    const state = this.#state[slot]!;
    return (state & HAS_COME) !== 0 && ((state & TRAVELS) === 0 || (state & LEAVING) !== 0);
  }

  /** A packet comes to a function between stages. */
  #enter(words: Uint32Array, at: number, slot: number, does: number): void {
    if ((does & ENTERS) !== 0 && this.#isAway(slot)) this.#state[slot]! &= KEPT;
    let state = this.#state[slot]!;
    if ((does & OF_SENT) !== 0 && (state & LEAVING) === 0) return;
    if ((state & TRAVELS) === 0) {
      if ((state & INHERITS) === 0) {
        if ((does & ((state & HAS_COME) !== 0 ? ENTERS : STARTS)) === 0) return;
        this.#begin(words, at, slot);
      }
      state = (state & MATCHED) | TRAVELS | HAS_COME;
    }
    state &= ~LEAVING;
    if ((does & SENDS) !== 0) state |= SENDING;
    if ((does & QUEUES) !== 0) state |= QUEUED;
    if ((does & HANDS) !== 0) this.#hand[slot] = words[at + FRAME]!;
    this.#state[slot] = state;
  }

  /** Such a function has returned. */
  #return(slot: number, frame: number): void {
    if (this.#open[slot]! > 0) this.#open[slot]!--;
    const hasHanded = this.#hand[slot] === frame;
    if (hasHanded) this.#hand[slot] = 0;
    if ((this.#state[slot]! & SENDING) === 0) return;
    if (hasHanded || this.#open[slot] === 0) this.#state[slot]! &= KEPT;
  }

  /** Whether the packet of a slot has been on its way for too long. */
  #look(words: Uint32Array, at: number, slot: number): number {
    const state = this.#state[slot]!;
    if ((state & (TRAVELS | TOLD)) !== TRAVELS || this.#slower === Infinity) return NOTHING;
    const since = (words[at + TIMESTAMP_HIGH]! - this.#high[slot]!) * TWO_32 +
      (words[at + TIMESTAMP_LOW]! - this.#low[slot]!);
    if (since < this.#slower) return NOTHING;
    if (this.#conditional && (state & MATCHED) === 0) return NOTHING;
    this.#state[slot]! |= TOLD;
    this.#tell(words, at, slot);
    return SLOW;
  }

  /** A packet is dropped; of which one no record may have told. */
  #dropped(words: Uint32Array, at: number, bytes: number, slot: number): number {
    const state = slot === NONE ? 0 : this.#state[slot]!;
    const isMeant = !this.#conditional || (state & MATCHED) !== 0;
    let found = NOTHING;
    if (isMeant && this.#drop !== null && this.#drop(words, at, bytes)) {
      this.#tell(words, at, slot);
      found = DROPPED;
    } else if (slot !== NONE) found = this.#look(words, at, slot);
    if (slot !== NONE) this.#state[slot]! &= KEPT;
    return found;
  }

  #tell(words: Uint32Array, at: number, slot: number): void {
    const now = words[at + TIMESTAMP_HIGH]! * TWO_32 + words[at + TIMESTAMP_LOW]!;
    const isKnown = slot !== NONE && (this.#state[slot]! & (TRAVELS | INHERITS)) !== 0;
    this.#time[0] = now;
    this.#time[1] = isKnown ? this.#high[slot]! * TWO_32 + this.#low[slot]! : now;
  }
}

function doesOf(name: string): number {
  if (!Object.hasOwn(BOUNDARIES, name)) return 0;
  const { stage, from, enters, hands } = BOUNDARIES[name]!;
  // Between these two stages nothing of this changes.
  if (stage === "rps-queue") return 0;
  return IS_BOUNDARY | (from === undefined ? STARTS : OF_SENT) | (enters ? ENTERS : 0) |
    (stage === "tx" ? SENDS : 0) | (stage === "qdisc" ? QUEUES : 0) | (hands ? HANDS : 0);
}
