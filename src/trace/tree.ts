/**
 * From records to the steps that a view is told: pairs each return with its entry, and closes the calls
 * whose return is missing. Events of packets pass through, in their place among the calls.
 *
 * Calls nest per context (a task, or the idle task of one CPU; interrupts run on top of it), however
 * often the task changes CPUs. A call is identified by its frame, the stack slot of its return
 * address, and its function. What a record shows about the open calls of its context:
 *
 * - A return ends the innermost open call with its frame and function. Open calls above that one
 *   ended earlier, so their returns were lost. If there is no such call, the entry was lost: an orphan.
 * - The stack grows down, so an event at a frame shows that calls at lower frames of the same stack have
 *   ended.
 * - Calls at the same frame are a tail call and its caller, or successive calls from one place, with the
 *   first return lost. There are two cases: after the return of a tail call its caller has nothing left
 *   to do but return, so an entry at that frame shows that it did; and a function entered again at its
 *   own frame has most likely returned (a tail call to itself through others looks the same, but is far
 *   rarer).
 * - An interrupt in kernel mode runs on the interrupt stack of its CPU, so its frames say nothing about
 *   the calls on the task's stack, which wait. But the task only continues after the interrupt has ended,
 *   and a task has one stack: an event on a task's stack shows that calls on other stacks have ended,
 *   both of interrupts and of an earlier task with the same thread id. `kernel_stacks.ts` learns which
 *   stack is which. Until that is certain, calls stay open; only if the event's stack has open calls,
 *   those above them on other stacks have ended.
 *
 * Without lost records, none of this closes a call before its return, except in that one rare case. With
 * lost records, a doubtful call stays open until a later record decides, and each call is closed exactly
 * once, after those inside it.
 *
 * For any records, open calls take at most 64 MiB of memory: 16 bytes each, {@linkcode MAX_DEPTH} in each
 * of 16,384 contexts.
 *
 * @module
 */

import { NO_FUNCTION } from "../probe/packet_record.ts";
import {
  CALL,
  CPU_AND_KIND,
  FRAME,
  FUNCTION_MASK,
  KIND_DROP,
  KIND_ENTRY,
  KIND_LONG,
  KIND_RETURN,
  LONG_BYTES,
  NEXTHOP_ID,
  NO_RETURN,
  type RecordSink,
  RESULT_HIGH,
  RESULT_LOW,
  TASK,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
  VIF,
} from "../probe/record.ts";
import { type Incomplete, NONE, PACKET_EVENTS, PacketDetails, Step, type View } from "./events.ts";
import { Durations } from "./durations.ts";
import { KernelStacks, regionOf } from "./kernel_stacks.ts";
import { contextKey, OpenCalls } from "./open_calls.ts";
import { PacketTable } from "./packets.ts";

/**
 * Maximum number of open calls of a context, more than the kernel nests on stacks of 16 KiB. If it is
 * reached, they are leftovers, and all of them are closed.
 */
export const MAX_DEPTH = 256;

// Indexes of the counts, which are in a typed array because an object field larger than an int32 is
// allocated on the heap with each change.
const RECORDS = 0;
const MALFORMED = 1;
const CALLS = 2;
const ORPHANS = 3;
const ABANDONED = 4;
/** Steps left before the limit, without those reserved for the ends of open calls. */
const ROOM = 5;
/** Number of the last record that may precede a loss. */
const LOSS = 6;
const COUNTS = 7;

/** Its record announces the call of the function that drops the packet. */
const DROP = PACKET_EVENTS[KIND_DROP];

/** Thread ids are positive: `pid_t` is signed. */
const MAX_THREAD_ID = 0x7fffffff;

/** Options of {@linkcode CallTree}. */
export interface CallTreeOptions {
  /**
   * Maximum number of steps. Calls are accepted only while there is room for both their steps, so each
   * call is also closed. Unlimited by default.
   */
  readonly limit?: number;
  /** Keeps track of the packets; by default a table of its own. */
  readonly packets?: PacketTable;
  /** Whether the view is told how long calls take; `false` by default. */
  readonly durations?: boolean;
}

/** Builds call trees from records and passes on their steps. */
export class CallTree implements RecordSink {
  /** The packets of the trace so far. */
  readonly packets: PacketTable;
  readonly #view: View;
  readonly #seen: Uint8Array;
  readonly #open = new OpenCalls();
  readonly #stacks = new KernelStacks();
  readonly #counts = new Float64Array(COUNTS);
  readonly #durations: Durations | null;
  #functions = 0;
  #full: boolean;
  /** Time and CPU of the current record, and what else the view is told of a step. */
  readonly #step = new Step();
  readonly #details = new PacketDetails();
  /** The call that the latest record of a drop announced: of which function, task and packet, and why. */
  #dropFn = NONE;
  #dropTask = NONE;
  #dropPacket = NONE;
  #dropReason = NONE;

  /**
   * @param view receives the steps
   * @param functionCount size of the function table that records refer to
   * @param options see {@linkcode CallTreeOptions}
   */
  constructor(view: View, functionCount: number, options: CallTreeOptions = {}) {
    this.#view = view;
    this.packets = options.packets ?? new PacketTable();
    this.#seen = new Uint8Array(functionCount);
    this.#durations = options.durations ? new Durations() : null;
    this.#counts[ROOM] = options.limit ?? Infinity;
    this.#full = this.#counts[ROOM] < 2;
  }

  /** Records received. */
  get records(): number {
    return this.#counts[RECORDS]!;
  }

  /** Records of an unknown kind or function, which are skipped. */
  get malformed(): number {
    return this.#counts[MALFORMED]!;
  }

  /** Calls passed on. */
  get calls(): number {
    return this.#counts[CALLS]!;
  }

  /** Different functions among {@linkcode calls}. */
  get functions(): number {
    return this.#functions;
  }

  /** Returns whose entry is unknown. */
  get orphans(): number {
    return this.#counts[ORPHANS]!;
  }

  /** Calls closed because their return was lost. */
  get abandoned(): number {
    return this.#counts[ABANDONED]!;
  }

  /** Calls passed on and not closed yet. */
  get callsOpen(): number {
    return this.#open.count;
  }

  /** True once the limit has no room for another call. */
  get full(): boolean {
    return this.#full;
  }

  /** True once the limit is reached and every call is closed: nothing more will be passed on. */
  get done(): boolean {
    return this.#full && this.#open.count === 0;
  }

  /** Processes one record, as in {@linkcode RecordSink}. Passes on what the view throws. */
  record(words: Uint32Array, at: number, bytes: number): void {
    this.#counts[RECORDS]!++;
    const call = words[at + CALL]!;
    const fn = call & FUNCTION_MASK;
    const last = words[at + CPU_AND_KIND]!;
    const isLong = (last >>> 16 & KIND_LONG) !== 0;
    const kind = last >>> 16 & 0xff & ~KIND_LONG;
    if (kind !== KIND_ENTRY && kind !== KIND_RETURN) {
      this.#packetEvent(words, at, bytes);
      return;
    }
    if (fn >= this.#seen.length || (isLong && bytes < LONG_BYTES)) {
      this.#counts[MALFORMED]!++;
      return;
    }
    const step = this.#step;
    step.low = words[at + TIMESTAMP_LOW]! | 0;
    step.high = words[at + TIMESTAMP_HIGH]! | 0;
    const cpu = last & 0xffff;
    step.cpu = cpu;
    const task = words[at + TASK]! & MAX_THREAD_ID;
    step.task = task;
    const frame = words[at + FRAME]! | 0;
    if (kind === KIND_ENTRY) {
      step.vif = isLong ? words[at + VIF]! | 0 : NONE;
      step.nexthop = isLong ? words[at + NEXTHOP_ID]! | 0 : NONE;
      step.returns = (call & NO_RETURN) === 0;
      this.#entered(task, cpu, frame, fn, (call >>> 16) | (last >>> 24) << 16);
      if (step.returns) return;
      step.hasResult = false;
      this.#returned(task, cpu, frame, fn);
    } else {
      step.hasResult = isLong;
      step.resultLow = isLong ? words[at + RESULT_LOW]! | 0 : 0;
      step.resultHigh = isLong ? words[at + RESULT_HIGH]! | 0 : 0;
      this.#returned(task, cpu, frame, fn);
    }
  }

  /**
   * Records a loss, somewhere among the latest or the next records.
   *
   * @param ahead maximum number of records to come that may precede the loss
   */
  lost(ahead: number): void {
    this.#counts[LOSS] = this.#counts[RECORDS]! + ahead;
    this.#durations?.lost();
  }

  /**
   * Closes the calls that are still open, context by context, the innermost first, at the time of the
   * last record. A context without records since a loss may have moved on long ago;
   * where none were, the calls were running when the trace ended.
   */
  finish(): void {
    for (const context of this.#open.busy()) {
      this.#step.task = this.#open.task(context);
      const silent = this.#open.lastUse(context) <= this.#counts[LOSS]!;
      while (this.#open.depth(context) > 0) {
        this.#step.cpu = this.#open.cpu(this.#open.top(context));
        this.#close(context, silent ? "return lost" : "trace ended");
      }
    }
  }

  #entered(task: number, cpu: number, frame: number, fn: number, packet: number): void {
    const open = this.#open;
    const step = this.#step;
    const region = regionOf(frame);
    let context = open.findOrMake(task, cpu);
    if (context === NONE) context = this.#makeRoom(task);
    this.#stacks.use(region, contextKey(task, cpu), cpu);
    const top = open.top(context);
    // Usually the top call makes the new one, which is then lower on the same stack.
    if (top !== NONE && (open.frame(top) <= frame || regionOf(open.frame(top)) !== region)) {
      this.#closeOver(context, frame);
      this.#closeTailCallers(context, frame, fn);
    }
    if (this.#full) return;
    if (open.depth(context) === MAX_DEPTH) this.#closeAll(context);
    step.depth = open.depth(context);
    const call = open.push(context, frame, fn, cpu, packet, this.#counts[RECORDS]!);
    this.#takeRoom(2);
    this.#counts[CALLS]!++;
    if (this.#seen[fn] === 0) {
      this.#seen[fn] = 1;
      this.#functions++;
    }
    step.fn = fn;
    step.packet = packet;
    step.call = open.indexOf(call);
    step.reason = this.#dropFn === fn ? this.#reasonOf(task, packet) : NONE;
    this.#durations?.entered(step, this.#counts[RECORDS]! <= this.#counts[LOSS]!);
    this.#view.enter(step);
  }

  /** Why the call that starts drops its packet: its function is that of the latest record of a drop. */
  #reasonOf(task: number, packet: number): number {
    if (this.#dropTask !== task || this.#dropPacket !== packet) return NONE;
    this.#dropFn = NONE;
    return this.#dropReason;
  }

  #returned(task: number, cpu: number, frame: number, fn: number): void {
    const open = this.#open;
    const context = open.find(task, cpu);
    let call = context === NONE ? NONE : open.top(context);
    while (call !== NONE && (open.frame(call) !== frame || open.function(call) !== fn)) {
      call = open.below(call);
    }
    if (call === NONE) {
      this.#orphaned(context, frame, fn);
      return;
    }
    while (open.top(context) !== call) this.#close(context, "return lost");
    open.pop(context, this.#counts[RECORDS]!);
    this.#markTailCaller(context, frame);
    this.#describe(context, call);
    this.#durations?.returned(this.#step, this.#indexAround(context));
    this.#view.leave(this.#step);
  }

  #orphaned(context: number, frame: number, fn: number): void {
    if (context !== NONE) {
      this.#closeOver(context, frame);
      this.#markTailCaller(context, frame);
      this.#durations?.abandoned(this.#indexAround(context));
    }
    // After the limit, it is most likely the return of a call that was not accepted.
    if (this.#full) return;
    this.#takeRoom(1);
    this.#counts[ORPHANS]!++;
    const step = this.#step;
    step.depth = context === NONE ? 0 : this.#open.depth(context);
    step.fn = fn;
    step.packet = NONE;
    step.call = NONE;
    this.#view.orphan(step);
  }

  /** Processes the record of an event that is no call. */
  #packetEvent(words: Uint32Array, at: number, bytes: number): void {
    const step = this.#step;
    const details = this.#details;
    const call = words[at + CALL]!;
    const last = words[at + CPU_AND_KIND]!;
    const fn = call & FUNCTION_MASK;
    const kind = PACKET_EVENTS[(last >>> 16) & 0xff];
    step.packet = (call >>> 16) | (last >>> 24) << 16;
    if (
      kind === undefined || bytes < kind.bytes || (fn >= this.#seen.length && fn !== NO_FUNCTION) ||
      !kind.read(words, at, bytes, step, details)
    ) {
      this.#counts[MALFORMED]!++;
      return;
    }
    step.low = words[at + TIMESTAMP_LOW]! | 0;
    step.high = words[at + TIMESTAMP_HIGH]! | 0;
    step.cpu = last & 0xffff;
    step.task = words[at + TASK]! & MAX_THREAD_ID;
    step.fn = fn === NO_FUNCTION ? NONE : fn;
    const context = this.#open.find(step.task, step.cpu);
    step.depth = context === NONE ? 0 : this.#open.depth(context);
    const top = context === NONE ? NONE : this.#open.top(context);
    step.call = top === NONE ? NONE : this.#open.indexOf(top);
    if (kind.isOfCall?.(words, at)) step.packet = top === NONE ? NONE : this.#open.packet(top);
    kind.track(this.packets, step, details);
    if (kind === DROP) {
      this.#dropFn = fn;
      this.#dropTask = step.task;
      this.#dropPacket = step.packet;
      this.#dropReason = details.reason | 0;
    }
    const tell = kind.of(this.#view);
    if (tell === undefined || this.#full) return;
    if (this.#view.hasPacketRows !== false) this.#takeRoom(1);
    tell.call(this.#view, step, details);
  }

  /** Describes a call that has just been popped from the context. */
  #describe(context: number, call: number): void {
    const open = this.#open;
    const step = this.#step;
    step.depth = open.depth(context);
    step.fn = open.function(call);
    step.packet = open.packet(call);
    step.call = open.indexOf(call);
  }

  /** Index of the innermost open call. */
  #indexAround(context: number): number {
    const top = this.#open.top(context);
    return top === NONE ? NONE : this.#open.indexOf(top);
  }

  #takeRoom(steps: number): void {
    this.#counts[ROOM]! -= steps;
    if (this.#counts[ROOM]! < 2) this.#full = true;
  }

  /** After a return at `frame`: an open call at the same frame returns next. */
  #markTailCaller(context: number, frame: number): void {
    const top = this.#open.top(context);
    if (top !== NONE && this.#open.frame(top) === frame) this.#open.markOver(top);
  }

  /** Closes the calls that have ended, as shown by the current event at `frame`. */
  #closeOver(context: number, frame: number): void {
    while (this.#open.depth(context) > 0 && this.#isOver(context, frame)) {
      this.#close(context, "return lost");
    }
  }

  /** Whether the current event at `frame` shows that the context's innermost call has ended. */
  #isOver(context: number, frame: number): boolean {
    const top = this.#open.top(context);
    const topFrame = this.#open.frame(top);
    const region = regionOf(frame);
    const topRegion = regionOf(topFrame);
    if (topRegion === region) return topFrame < frame;
    // Adjacent regions are one stack of more than 16 KiB, as guard pages separate stacks.
    if (this.#stacks.isTask(region, this.#step.cpu) && Math.abs(topRegion - region) > 1) {
      return true;
    }
    for (let call = top; call !== NONE; call = this.#open.below(call)) {
      if (regionOf(this.#open.frame(call)) === region) return true;
    }
    return false;
  }

  /**
   * Closes the calls at the frame where `fn` is entered, unless `fn` may be their tail call. If one of
   * them has ended, all have.
   */
  #closeTailCallers(context: number, frame: number, fn: number): void {
    const open = this.#open;
    let over = false;
    let call = open.top(context);
    while (call !== NONE && open.frame(call) === frame) {
      over ||= open.isOver(call) || open.function(call) === fn;
      call = open.below(call);
    }
    if (!over) return;
    while (open.top(context) !== call) this.#close(context, "return lost");
  }

  /** Closes the calls of long inactive contexts, to make room for the context of `task`. */
  #makeRoom(task: number): number {
    for (const context of this.#open.stale()) {
      this.#step.task = this.#open.task(context);
      this.#closeAll(context);
    }
    this.#step.task = task;
    return this.#open.findOrMake(task, this.#step.cpu);
  }

  #closeAll(context: number): void {
    while (this.#open.depth(context) > 0) this.#close(context, "return lost");
  }

  /** Closes the innermost call of the context without its return. */
  #close(context: number, why: Incomplete): void {
    const call = this.#open.top(context);
    this.#open.pop(context, this.#counts[RECORDS]!);
    if (why === "return lost") this.#counts[ABANDONED]!++;
    this.#describe(context, call);
    this.#durations?.abandoned(this.#indexAround(context));
    this.#view.abandon(this.#step, why);
  }
}
