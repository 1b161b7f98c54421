/**
 * Shows the packets that meet the conditions of a trace, or that are dropped, from their very first step,
 * although that only turns out later: a view in front of another one, which holds back steps until it is
 * known whether their packet matches.
 *
 * The queue keeps the steps in order: those of a packet that matches wait behind older ones of packets
 * that are not decided yet. It is bounded in memory and in time; packets that have to be given up
 * undecided are counted. As only the calls that are shown count, the limit of rows is here, too.
 *
 * @module
 */

import { DECISION_BYTES } from "../probe/decision_record.ts";
import {
  EVENT_BYTES,
  KIND_COPY,
  KIND_DECISION,
  KIND_DROP,
  KIND_END,
  KIND_MATCH,
  KIND_PACKET,
  MAX_UNITS,
} from "../probe/record.ts";
import {
  type Incomplete,
  NONE,
  PACKET_EVENTS,
  PacketDetails,
  SELF,
  Step,
  TOTAL,
  type View,
} from "./events.ts";
import { PACKET_SLOTS as SLOTS } from "../probe/layout.ts";
import { SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import { type PacketTable, UNKNOWN_PACKET } from "./packets.ts";

// States of a packet, and of its steps.
const UNKNOWN = 0;
const UNDECIDED = 1;
const MATCHED = 2;
const LEFT_OUT = 3;

// Kinds of steps. Those of packets' events are the kinds of their records.
const PAD = 0;
const ENTER = 0x40;
const LEAVE = 0x41;
const RETURN_LOST = 0x42;
const TRACE_ENDED = 0x43;

// Words of a step in the queue.
/** Kind in bits 0-7, state in bits 8-15, number of words in bits 16-31. */
const HEAD = 0;
const LOW = 1;
const HIGH = 2;
/** CPU in bits 0-15, depth in bits 16-31. */
const CPU_AND_DEPTH = 3;
const TASK = 4;
const FN = 5;
const CALL = 6;
const PACKET = 7;
/** The step before of the same packet, if that was undecided then; or {@linkcode NONE}. */
const BEFORE = 8;
/** From here on what depends on the kind. */
const MORE = 9;

const STATE_SHIFT = 8;
const STATE_MASK = 0xff << STATE_SHIFT;
const WORDS_SHIFT = 16;

/** Enter: reason, vif, nexthop. */
const ENTER_WORDS = 3;
/** Leave: whether there is a result, its halves, and both times as 64-bit numbers. */
const LEAVE_WORDS = 7;
/** Packet seen: words in front of its bytes. */
const HEADER_AT = 5;
/** Decision: words of its record behind the head. */
const HEAD_WORDS = EVENT_BYTES / 4;
const DECISION_WORDS = DECISION_BYTES / 4 - HEAD_WORDS;
/** Drop: words in front of its record, and those of the longest one behind its head. There are few. */
const DROP_AT = 3;
const DROP_WORDS = MAX_UNITS * EVENT_BYTES / 4 - HEAD_WORDS;

/** 32 MiB, some 900,000 steps. */
const DEFAULT_WORDS = 1 << 23;
/** Least size of a queue: the longest steps fit several times. */
const MIN_WORDS = 1024;
/** A flow on hold may keep packets for seconds. */
const DEFAULT_HOLD_MS = 10_000;
const NS_PER_MS = 1e6;
const TWO_32 = 2 ** 32;

// Counts, in a typed array as in `CallTree`.
const CALLS = 0;
const ABANDONED = 1;
const ROOM = 2;
const GIVEN_UP = 3;
const UNMATCHED = 4;
const COUNTS = 5;

/** Which drops of packets make them match. */
export interface DropCondition {
  /**
   * Called for each drop of a packet that has met the other conditions.
   *
   * @param reason its number
   * @param source `SOURCE_VROUTER` or `SOURCE_KERNEL`
   * @param isHeld whether the packet's steps are still there: otherwise it cannot be shown
   */
  readonly matches: (reason: number, source: number, isHeld: boolean) => boolean;
  /** Whether the packet must also have met the conditions of the trace, as a record says. */
  readonly conditional: boolean;
  /** Maximum number of dropped packets to show. */
  readonly limit: number;
}

/** Options of {@linkcode HeldView}. */
export interface HeldViewOptions {
  /** If given, a packet matches once it is dropped. */
  readonly drops?: DropCondition | null;
  /** Maximum number of steps, as in `CallTreeOptions`. */
  readonly limit?: number;
  /** Size of the queue in words of 4 bytes, at least 1024. */
  readonly words?: number;
  /** Milliseconds of the trace after which an undecided packet is given up. */
  readonly holdMs?: number;
}

/** Passes on the steps of packets that match. Allocates nothing but its arrays. */
export class HeldView implements Omit<Required<View>, "hasPacketRows"> {
  /** The packets that have been shown. */
  readonly packets: PacketTable;
  readonly #view: View;
  readonly #queue: Int32Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #holdNs: number;
  readonly #drops: DropCondition | null;
  /** Dropped packets that may still be shown. */
  #dropsLeft: number;
  /** Whether a call has ended since the last of them. */
  #hasClosedLast = false;
  #head = 0;
  #tail = 0;
  #used = 0;
  /** By slot: its generation, of which only the low bits are known if the packet's begin was lost. */
  readonly #generation = new Uint32Array(SLOTS);
  readonly #isPartial = new Uint8Array(SLOTS);
  readonly #state = new Uint8Array(SLOTS);
  /** By slot: whether the packet has matched, be it too late to be shown. Copies inherit that. */
  readonly #hasMatched = new Uint8Array(SLOTS);
  /** By slot: whether the packet has been dropped. */
  readonly #hasDropped = new Uint8Array(SLOTS);
  /** By slot: the latest undecided step of its packet, or {@linkcode NONE}. */
  readonly #latest = new Int32Array(SLOTS).fill(NONE);
  /** By call: whether its start was passed on, and not its end. */
  #isShown = new Uint8Array(1024);
  #open = 0;
  readonly #seen: Uint8Array;
  #functions = 0;
  readonly #counts = new Float64Array(COUNTS);
  #full: boolean;
  readonly #step = new Step();
  readonly #details = new PacketDetails();
  /** Two 64-bit numbers as words of the queue, which need not be aligned for them. */
  readonly #times = new Float64Array(2);
  readonly #timeWords = new Int32Array(this.#times.buffer);

  /**
   * @param view receives the steps of packets that match
   * @param packets a table for the packets that the view is told about
   * @param functionCount number of functions that steps refer to
   */
  constructor(
    view: View,
    packets: PacketTable,
    functionCount: number,
    options: HeldViewOptions = {},
  ) {
    this.packets = packets;
    this.#view = view;
    this.#queue = new Int32Array(Math.max(MIN_WORDS, options.words ?? DEFAULT_WORDS));
    this.#words = new Uint32Array(this.#queue.buffer);
    this.#bytes = new Uint8Array(this.#queue.buffer);
    this.#holdNs = (options.holdMs ?? DEFAULT_HOLD_MS) * NS_PER_MS;
    this.#drops = options.drops ?? null;
    this.#dropsLeft = options.drops?.limit ?? Infinity;
    this.#seen = new Uint8Array(functionCount);
    this.#counts[ROOM] = options.limit ?? Infinity;
    this.#full = this.#counts[ROOM] < 2;
  }

  /** Calls passed on. */
  get calls(): number {
    return this.#counts[CALLS]!;
  }

  /** Different functions among {@linkcode calls}. */
  get functions(): number {
    return this.#functions;
  }

  /** Calls passed on and closed because their return was lost. */
  get abandoned(): number {
    return this.#counts[ABANDONED]!;
  }

  /** Packets given up before it was known whether they match. */
  get undecided(): number {
    return this.#counts[GIVEN_UP]!;
  }

  /** Steps that were not passed on, as their packets do not match or were given up. */
  get unmatched(): number {
    return this.#counts[UNMATCHED]!;
  }

  /** True once a limit has no room for another call. */
  get full(): boolean {
    return this.#full || this.#hasAllDrops;
  }

  /** True once the limit is reached and every call passed on is closed. */
  get done(): boolean {
    return (this.#full && this.#open === 0) || this.#hasAllDrops;
  }

  /** The record of a drop stands in front of the call that drops, which still has to end. */
  get #hasAllDrops(): boolean {
    return this.#hasClosedLast && this.#used === 0 && this.#open === 0;
  }

  enter(step: Readonly<Step>): void {
    const state = this.#full ? LEFT_OUT : this.#stateOf(step.packet);
    if (this.#used === 0 && state !== UNDECIDED) this.#enter(step, state);
    else {
      const more = this.#reserve(ENTER, MORE + ENTER_WORDS, step, state) + MORE;
      this.#queue[more] = step.reason;
      this.#queue[more + 1] = step.vif;
      this.#queue[more + 2] = step.nexthop;
      this.#advance();
    }
  }

  leave(step: Readonly<Step>): void {
    if (this.#used === 0) this.#close(step, LEAVE);
    else {
      const more = this.#reserve(LEAVE, MORE + LEAVE_WORDS, step, MATCHED) + MORE;
      this.#queue[more] = Number(step.hasResult);
      this.#queue[more + 1] = step.resultLow;
      this.#queue[more + 2] = step.resultHigh;
      this.#times.set(step.times);
      this.#queue.set(this.#timeWords, more + 3);
      this.#advance();
    }
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    const kind = why === "return lost" ? RETURN_LOST : TRACE_ENDED;
    if (this.#used === 0) this.#close(step, kind);
    else this.#put(kind, MORE, step, MATCHED);
  }

  /** It is not known whose return it is. */
  orphan(): void {
    this.#counts[UNMATCHED]!++;
  }

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (this.#full) return;
    const slot = this.#begin(step, details);
    const { captured } = details;
    const words = MORE + HEADER_AT + Math.ceil(captured / 4);
    const more = this.#reserve(KIND_PACKET, words, step, this.#state[slot]!) + MORE;
    this.#queue[more] = details.generation;
    this.#queue[more + 1] = details.length;
    this.#queue[more + 2] = details.netns;
    this.#queue[more + 3] = details.ifindex;
    this.#queue[more + 4] = captured;
    const to = 4 * (more + HEADER_AT);
    for (let at = 0; at < captured; at++) this.#bytes[to + at] = details.header[at]!;
    this.#advance();
  }

  copied(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (this.#full) return;
    const slot = this.#begin(step, details);
    const { parent } = details;
    if (this.#matches(parent)) this.#match(slot);
    const more = this.#reserve(KIND_COPY, MORE + 3, step, this.#state[slot]!) + MORE;
    this.#queue[more] = details.generation;
    this.#queue[more + 1] = parent | 0;
    this.#queue[more + 2] = Math.floor(parent / TWO_32);
    this.#advance();
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (this.#full) return;
    const { record } = details;
    const state = this.#stateOf(step.packet);
    const slot = step.packet & 0xffff;
    const source = record[SOURCE]!;
    // What vrouter drops, the kernel frees, which is the same drop.
    if (source === SOURCE_KERNEL && this.#hasDropped[slot] === 1) return;
    this.#hasDropped[slot] = 1;
    this.#drop(slot, state, details.reason, source);
    const words = MORE + DROP_AT + DROP_WORDS;
    const more = this.#reserve(KIND_DROP, words, step, this.#state[slot]!) + MORE;
    this.#queue[more] = details.reason;
    this.#queue[more + 1] = details.locationLow;
    this.#queue[more + 2] = details.locationHigh;
    const to = more + DROP_AT;
    for (let at = 0; at < DROP_WORDS; at++) this.#words[to + at] = record[HEAD_WORDS + at]!;
    this.#advance();
  }

  /** Calls of functions that free it may follow, and share its fate. */
  ended(step: Readonly<Step>): void {
    if (this.#full) return;
    if (this.#stateOf(step.packet) === UNDECIDED) this.#settle(step.packet & 0xffff, LEFT_OUT);
    this.#put(KIND_END, MORE, step, this.#stateOf(step.packet));
  }

  matched(step: Readonly<Step>): void {
    if (this.#full) return;
    this.#stateOf(step.packet);
    const slot = step.packet & 0xffff;
    if ((this.#generation[slot]! & 0xff) === step.packet >>> 16) this.#match(slot);
    this.#put(KIND_MATCH, MORE, step, this.#stateOf(step.packet));
  }

  decided(step: Readonly<Step>, { record }: Readonly<PacketDetails>): void {
    if (this.#full || step.packet === NONE) return;
    const state = this.#stateOf(step.packet);
    const more = this.#reserve(KIND_DECISION, MORE + DECISION_WORDS, step, state) + MORE;
    for (let at = 0; at < DECISION_WORDS; at++) this.#words[more + at] = record[HEAD_WORDS + at]!;
    this.#advance();
  }

  /**
   * Gives up undecided packets whose time is over, where no step shows how late it is.
   *
   * @param now nanoseconds of the steps' clock
   */
  expire(now: number): void {
    this.#expire(now | 0, Math.floor(now / TWO_32));
  }

  /** Passes on all that is known to match, and gives up the rest: no steps follow. */
  finish(): void {
    while (this.#used > 0) this.#giveUp();
  }

  /** State of a packet, by its handle. */
  #stateOf(handle: number): number {
    const slot = handle & 0xffff;
    const generation = handle >>> 16 & 0xff;
    const state = this.#state[slot]!;
    const ahead = (generation - this.#generation[slot]!) & 0xff;
    if (state !== UNKNOWN && ahead === 0) return state;
    // One that another has replaced since.
    if (state !== UNKNOWN && ahead >= 0x80) return LEFT_OUT;
    this.#replace(slot, generation, 1);
    return this.#state[slot]!;
  }

  /** A packet takes a slot, if it does not have it already; returns that. */
  #begin({ packet }: Readonly<Step>, { generation }: Readonly<PacketDetails>): number {
    const slot = packet & 0xffff;
    if (this.#isPacket(slot, generation)) {
      this.#generation[slot] = generation;
      this.#isPartial[slot] = 0;
    } else {
      this.#replace(slot, generation, 0);
    }
    return slot;
  }

  /** Whether the slot is that packet's, as far as is known. */
  #isPacket(slot: number, generation: number): boolean {
    const known = this.#generation[slot]!;
    return this.#state[slot] !== UNKNOWN &&
      (known === generation || (this.#isPartial[slot] === 1 && known === (generation & 0xff)));
  }

  #replace(slot: number, generation: number, partial: number): void {
    if (this.#latest[slot] !== NONE) {
      this.#counts[GIVEN_UP]!++;
      this.#settle(slot, LEFT_OUT);
    }
    this.#generation[slot] = generation;
    this.#isPartial[slot] = partial;
    this.#state[slot] = this.#dropsLeft > 0 ? UNDECIDED : LEFT_OUT;
    this.#hasMatched[slot] = 0;
    this.#hasDropped[slot] = 0;
  }

  #match(slot: number): void {
    this.#hasMatched[slot] = 1;
    if (this.#drops === null && this.#state[slot] === UNDECIDED) this.#settle(slot, MATCHED);
  }

  #drop(slot: number, state: number, reason: number, source: number): void {
    const drops = this.#drops;
    if (drops === null || state === MATCHED || this.#dropsLeft <= 0) return;
    if (drops.conditional && this.#hasMatched[slot] !== 1) return;
    const isHeld = state === UNDECIDED;
    if (!drops.matches(reason, source, isHeld) || !isHeld) return;
    this.#dropsLeft--;
    this.#settle(slot, MATCHED);
    if (this.#dropsLeft === 0) this.#leaveOutOthers();
  }

  /** The limit is reached: nobody waits for packets that are not decided. */
  #leaveOutOthers(): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#state[slot] === UNDECIDED) this.#settle(slot, LEFT_OUT);
    }
  }

  /** Whether a packet has matched, by its id. */
  #matches(id: number): boolean {
    if (id === UNKNOWN_PACKET) return false;
    const slot = id % SLOTS;
    return this.#hasMatched[slot] === 1 && this.#isPacket(slot, Math.floor(id / SLOTS));
  }

  /** Decides about a packet, and so about its steps in the queue, for which others may have waited. */
  #settle(slot: number, state: number): void {
    const queue = this.#queue;
    for (let at = this.#latest[slot]!; at !== NONE; at = queue[at + BEFORE]!) {
      queue[at + HEAD] = queue[at + HEAD]! & ~STATE_MASK | state << STATE_SHIFT;
    }
    this.#latest[slot] = NONE;
    this.#state[slot] = state;
    this.#advance();
  }

  /** Adds a step that carries no more. */
  #put(kind: number, words: number, step: Readonly<Step>, state: number): void {
    this.#reserve(kind, words, step, state);
    this.#advance();
  }

  /** Adds a step without what depends on its kind; returns its index. */
  #reserve(kind: number, words: number, step: Readonly<Step>, wanted: number): number {
    this.#expire(step.low, step.high);
    const queue = this.#queue;
    let pad = this.#padding(words);
    while (this.#used + pad + words > queue.length) {
      this.#giveUp();
      pad = this.#padding(words);
    }
    if (pad > 0) {
      queue[this.#tail + HEAD] = PAD;
      this.#used += pad;
      this.#tail = 0;
    }
    const at = this.#tail;
    const slot = step.packet & 0xffff;
    // The packet may have been given up to make room.
    const state = wanted === UNDECIDED ? this.#state[slot]! : wanted;
    queue[at + HEAD] = kind | state << STATE_SHIFT | words << WORDS_SHIFT;
    queue[at + LOW] = step.low;
    queue[at + HIGH] = step.high;
    queue[at + CPU_AND_DEPTH] = step.cpu | step.depth << 16;
    queue[at + TASK] = step.task;
    queue[at + FN] = step.fn;
    queue[at + CALL] = step.call;
    queue[at + PACKET] = step.packet;
    if (state === UNDECIDED) {
      queue[at + BEFORE] = this.#latest[slot]!;
      this.#latest[slot] = at;
    }
    this.#tail = at + words === queue.length ? 0 : at + words;
    this.#used += words;
    return at;
  }

  /** Words to skip at the end of the queue, so that the next step is in one piece. */
  #padding(words: number): number {
    const left = this.#queue.length - this.#tail;
    return words > left ? left : 0;
  }

  #expire(low: number, high: number): void {
    while (this.#used > 0) {
      const then = this.#head;
      const highs = high - this.#queue[then + HIGH]!;
      const lows = (low >>> 0) - (this.#queue[then + LOW]! >>> 0);
      if (highs * TWO_32 + lows <= this.#holdNs) return;
      this.#giveUp();
    }
  }

  /** Leaves out the packet that everything waits for: the queue is not empty. */
  #giveUp(): void {
    this.#counts[GIVEN_UP]!++;
    this.#settle(this.#queue[this.#head + PACKET]! & 0xffff, LEFT_OUT);
  }

  /** Handles the steps from the oldest on whose packets are decided; then the oldest is not. */
  #advance(): void {
    const queue = this.#queue;
    while (this.#used > 0) {
      const at = this.#head;
      const head = queue[at + HEAD]!;
      const kind = head & 0xff;
      const state = (head & STATE_MASK) >>> STATE_SHIFT;
      if (state === UNDECIDED && kind !== PAD && !this.#full) return;
      const words = kind === PAD ? queue.length - at : head >>> WORDS_SHIFT;
      // Before the view is told, which may throw.
      this.#head = at + words === queue.length ? 0 : at + words;
      this.#used -= words;
      if (kind !== PAD) this.#handle(at, kind, state);
    }
    this.#head = 0;
    this.#tail = 0;
  }

  #handle(at: number, kind: number, state: number): void {
    const queue = this.#queue;
    const step = this.#step;
    step.low = queue[at + LOW]!;
    step.high = queue[at + HIGH]!;
    step.cpu = queue[at + CPU_AND_DEPTH]! & 0xffff;
    step.depth = queue[at + CPU_AND_DEPTH]! >>> 16;
    step.task = queue[at + TASK]!;
    step.fn = queue[at + FN]!;
    step.call = queue[at + CALL]!;
    step.packet = queue[at + PACKET]!;
    if (kind === ENTER) {
      step.reason = queue[at + MORE]!;
      step.vif = queue[at + MORE + 1]!;
      step.nexthop = queue[at + MORE + 2]!;
      this.#enter(step, state);
    } else if (kind >= LEAVE) {
      if (kind === LEAVE) this.#restoreEnd(at + MORE, step);
      this.#close(step, kind);
    } else this.#tell(at + MORE, kind, step, state);
  }

  #enter(step: Readonly<Step>, state: number): void {
    if (state !== MATCHED || this.#full) {
      this.#counts[UNMATCHED]!++;
      return;
    }
    this.#takeRoom(2);
    this.#counts[CALLS]!++;
    if (this.#seen[step.fn] === 0) {
      this.#seen[step.fn] = 1;
      this.#functions++;
    }
    if (step.call >= this.#isShown.length) this.#grow(step.call);
    this.#isShown[step.call] = 1;
    this.#open++;
    this.#view.enter(step);
  }

  /** A call ends, which is shown if its start was. */
  #close(step: Readonly<Step>, kind: number): void {
    if (this.#isShown[step.call] !== 1) {
      this.#counts[UNMATCHED]!++;
      return;
    }
    this.#isShown[step.call] = 0;
    this.#open--;
    this.#hasClosedLast = this.#dropsLeft === 0;
    if (kind === LEAVE) {
      this.#view.leave(step);
    } else if (kind === TRACE_ENDED) {
      this.#view.abandon(step, "trace ended");
    } else {
      this.#counts[ABANDONED]!++;
      this.#view.abandon(step, "return lost");
    }
  }

  /** Tells an event of a packet, of which `more` is the index of what depends on its kind. */
  #tell(more: number, number: number, step: Step, state: number): void {
    if (state !== MATCHED) {
      this.#counts[UNMATCHED]!++;
      return;
    }
    const kind = PACKET_EVENTS[number]!;
    const details = this.#details;
    this.#restore(more, number, details);
    kind.track(this.packets, step, details);
    const tell = kind.of(this.#view);
    if (tell === undefined || this.#full) return;
    if (this.#view.hasPacketRows !== false) this.#takeRoom(1);
    if (step.call !== NONE && this.#isShown[step.call] !== 1) step.call = NONE;
    tell.call(this.#view, step, details);
  }

  #restoreEnd(more: number, step: Step): void {
    const queue = this.#queue;
    step.hasResult = queue[more] === 1;
    step.resultLow = queue[more + 1]!;
    step.resultHigh = queue[more + 2]!;
    for (let word = 0; word < 4; word++) this.#timeWords[word] = queue[more + 3 + word]!;
    step.times[TOTAL] = this.#times[TOTAL]!;
    step.times[SELF] = this.#times[SELF]!;
  }

  #restore(more: number, kind: number, details: PacketDetails): void {
    const queue = this.#queue;
    const words = this.#words;
    switch (kind) {
      case KIND_PACKET:
        details.generation = words[more]!;
        details.length = words[more + 1]!;
        details.netns = words[more + 2]!;
        details.ifindex = words[more + 3]!;
        details.parent = UNKNOWN_PACKET;
        details.capture(words, more + HEADER_AT, words[more + 4]!);
        break;
      case KIND_COPY:
        details.generation = words[more]!;
        details.parent = queue[more + 2]! * TWO_32 + words[more + 1]!;
        break;
      case KIND_DROP:
        details.reason = words[more]!;
        details.locationLow = queue[more + 1]!;
        details.locationHigh = queue[more + 2]!;
        details.keep(words, more + DROP_AT, DROP_WORDS, HEAD_WORDS);
        break;
      case KIND_DECISION:
        details.keep(words, more, DECISION_WORDS, HEAD_WORDS);
        break;
    }
  }

  #takeRoom(steps: number): void {
    this.#counts[ROOM]! -= steps;
    if (this.#counts[ROOM]! < 2) this.#full = true;
  }

  #grow(call: number): void {
    const isShown = new Uint8Array(Math.max(2 * this.#isShown.length, call + 1));
    isShown.set(this.#isShown);
    this.#isShown = isShown;
  }
}
