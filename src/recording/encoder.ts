/**
 * Records to the columns of a block.
 *
 * @module
 */

import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  FUNCTION_MASK,
  KIND_ENTRY,
  KIND_LONG,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
  MAX_UNITS,
  NEXTHOP_ID,
  RESULT_HIGH,
  RESULT_LOW,
  TASK as TASK_WORD,
  TIMESTAMP_HIGH,
  TIMESTAMP_LOW,
  VIF,
} from "../probe/record.ts";
import {
  COLUMNS,
  CPU,
  FRAME_HIGH,
  FRAME_LOW,
  FRAME_SHIFT,
  FRAME_WIDE,
  FUNCTION_HIGH,
  FUNCTION_LOW,
  HAS_CPU,
  HAS_PACKET,
  HAS_TASK,
  IS_ENTRY,
  IS_EXPECTED_RETURN,
  IS_LOSS,
  IS_OTHER,
  IS_RETURN,
  IS_WIDE,
  KIND,
  LONG_HIGH,
  LONG_LOW,
  LONG_NEXTHOP,
  LONG_RESULT_HIGH,
  LONG_RESULT_LOW,
  LONG_VIF,
  LOSS,
  LOSS_BYTES,
  OpenFrames,
  PACKET,
  placeOf,
  ROWS,
  TAG,
  TASK,
  TIME_HIGH,
  TIME_LOW,
  TIME_WIDE,
} from "./columns.ts";
import { MAX_LOSSES, MAX_RECORDS, ROWS_BYTES } from "./format.ts";
import type { OccurringFunctions } from "./occurring_functions.ts";

/** Most bytes of each column. */
const ROOM: readonly number[] = room();
/** Where each column begins in the encoder's memory. */
const BASE: readonly number[] = ROOM.map((_, column) => sum(ROOM.slice(0, column)));
/** Bytes in front of the columns: their number, and the length of each. */
const PREFIX_BYTES = 4 + 4 * COLUMNS;

function room(): number[] {
  const bytes = new Array<number>(COLUMNS).fill(MAX_RECORDS);
  // Also the last of them is longer than what the block is full with.
  bytes[ROWS] = ROWS_BYTES + MAX_UNITS * EVENT_BYTES;
  bytes[TAG] = MAX_RECORDS + MAX_LOSSES;
  bytes[TIME_WIDE] = 8 * MAX_RECORDS;
  bytes[CPU] = 2 * MAX_RECORDS;
  bytes[TASK] = 4 * MAX_RECORDS;
  bytes[PACKET] = 3 * MAX_RECORDS;
  bytes[FRAME_WIDE] = 4 * MAX_RECORDS;
  bytes[LOSS] = LOSS_BYTES * MAX_LOSSES;
  for (const column of [LONG_VIF, LONG_NEXTHOP, LONG_RESULT_LOW, LONG_RESULT_HIGH]) {
    bytes[column] = 4 * MAX_RECORDS;
  }
  return bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

// Indexes of the encoder's state, which is in a typed array as a number field beyond 31 bits would be
// allocated with each change.
const RECORDS = 0;
const LOSSES = 1;
const LAST_CPU = 2;
/** Time of the last record, and least and greatest of the block, of which the last one is not yet. */
const LAST = 3;
const LEAST = 5;
const MOST = 7;
/** Number of the last record that is long. */
const LAST_LONG = 9;
const STATE = 10;

/** Collects the records of one block at a time. Allocates nothing per record. */
export class RecordEncoder {
  readonly #bytes = new Uint8Array(sum(ROOM));
  /** {@linkcode ROWS}, which are at the start. */
  readonly #rows = new Uint32Array(this.#bytes.buffer, 0, ROOM[ROWS]! / 4);
  /** Where the next value of each column goes. */
  readonly #next = Int32Array.from(BASE);
  readonly #open = new OpenFrames();
  readonly #state = new Int32Array(STATE);
  readonly #functions: OccurringFunctions | null;
  #plain = new Uint8Array(256 << 10);

  /** @param functions numbers them; `null` to keep their numbers */
  constructor(functions: OccurringFunctions | null = null) {
    this.#functions = functions;
  }

  get records(): number {
    return this.#state[RECORDS]!;
  }

  get losses(): number {
    return this.#state[LOSSES]!;
  }

  /** True once the block takes no more. */
  get full(): boolean {
    const state = this.#state;
    return state[RECORDS] === MAX_RECORDS || this.#next[ROWS]! >= ROWS_BYTES ||
      state[LOSSES] === MAX_LOSSES;
  }

  get empty(): boolean {
    return this.#state[RECORDS] === 0 && this.#state[LOSSES] === 0;
  }

  /** Least time of its records; 0 without any. */
  get first(): bigint {
    return this.#time(LEAST);
  }

  /** Greatest time of its records; 0 without any. */
  get last(): bigint {
    const [most, last] = [this.#time(MOST), this.#time(LAST)];
    return last > most ? last : most;
  }

  #time(at: number): bigint {
    const [low, high] = [this.#state[at]! >>> 0, this.#state[at + 1]! >>> 0];
    return BigInt(high) << 32n | BigInt(low);
  }

  /**
   * Adds a record, unless {@linkcode full}.
   *
   * @param bytes its length: of a call what its kind says, of others its frame
   */
  add(words: Uint32Array, at: number, bytes: number): void {
    const out = this.#bytes;
    const next = this.#next;
    const open = this.#open;
    const state = this.#state;
    const functions = this.#functions;
    let call = words[at + CALL]! | 0;
    if (functions !== null) {
      call = call & ~FUNCTION_MASK | functions.number(call & FUNCTION_MASK);
    }
    const last = words[at + CPU_AND_KIND]! | 0;
    const frame = words[at + FRAME]! | 0;
    const task = words[at + TASK_WORD]! | 0;
    let kind = (last >>> 16) & 0xff;
    const cpu = last & 0xffff;
    const place = placeOf(cpu);
    state[RECORDS] = state[RECORDS]! + 1;
    if (kind === KIND_LONG_ENTRY || kind === KIND_LONG_RETURN) {
      kind -= KIND_LONG;
      this.#addLong(words, at, kind);
    }

    const low = words[at + TIMESTAMP_LOW]! | 0;
    const high = words[at + TIMESTAMP_HIGH]! | 0;
    let since = (low - state[LAST]!) | 0;
    if (high !== state[LAST + 1] || since < 0 || since >= IS_WIDE) {
      since = IS_WIDE;
      this.#put32(TIME_WIDE, low);
      this.#put32(TIME_WIDE, high);
      this.#noteTime(low, high);
      state[LAST + 1] = high;
    }
    state[LAST] = low;
    out[next[TIME_LOW]!++] = since;
    out[next[TIME_HIGH]!++] = since >> 8;

    let tag = 0;
    if (cpu !== state[LAST_CPU]) {
      state[LAST_CPU] = cpu;
      tag = HAS_CPU;
      out[next[CPU]!++] = cpu;
      out[next[CPU]!++] = cpu >> 8;
    }
    const generation = last >>> 24;
    if (kind === KIND_RETURN && generation === 0 && open.expects(place, task, frame, call)) {
      open.pop(place);
      out[next[TAG]!++] = tag | IS_EXPECTED_RETURN;
      return;
    }
    if (task !== open.task[place]) {
      open.task[place] = task;
      tag |= HAS_TASK;
      this.#put32(TASK, task);
    }
    const packet = call >>> 16 | generation << 16;
    const known = open.packet[place]!;
    if (packet !== (kind === KIND_RETURN ? known & 0xffff : known)) {
      tag |= HAS_PACKET;
      out[next[PACKET]!++] = packet;
      out[next[PACKET]!++] = packet >> 8;
      out[next[PACKET]!++] = packet >> 16;
    }
    out[next[FUNCTION_LOW]!++] = call;
    out[next[FUNCTION_HIGH]!++] = call >> 8;
    if (kind === KIND_ENTRY) {
      open.packet[place] = packet;
      this.#addFrame(open.near(place), frame);
      open.enter(place, task, frame, call);
      tag |= IS_ENTRY;
    } else if (kind === KIND_RETURN) {
      this.#addFrame(open.near(place), frame);
      open.leave(place, task, frame);
      tag |= IS_RETURN;
    } else {
      open.packet[place] = packet;
      out[next[KIND]!++] = kind;
      this.#addRow(words, at, bytes);
      tag |= IS_OTHER;
    }
    out[next[TAG]!++] = tag;
  }

  /**
   * Adds a loss, unless {@linkcode full}.
   *
   * @param ahead records to come that may precede it
   * @param total records lost since the start
   */
  addLoss(ahead: number, total: number): void {
    this.#state[LOSSES] = this.#state[LOSSES]! + 1;
    this.#bytes[this.#next[TAG]!++] = IS_LOSS;
    this.#put32(LOSS, Math.min(ahead, 0xffffffff));
    this.#put32(LOSS, total % 2 ** 32);
    this.#put32(LOSS, Math.floor(total / 2 ** 32));
  }

  /** The contents of the block, valid until the next one is taken; starts a new block. */
  take(): Uint8Array {
    const next = this.#next;
    const length = PREFIX_BYTES + sum(BASE.map((base, column) => next[column]! - base));
    if (length > this.#plain.length) this.#plain = new Uint8Array(length);
    const view = new DataView(this.#plain.buffer);
    view.setUint32(0, COLUMNS, true);
    let at = PREFIX_BYTES;
    for (const [column, base] of BASE.entries()) {
      const end = next[column]!;
      view.setUint32(4 + 4 * column, end - base, true);
      this.#plain.set(this.#bytes.subarray(base, end), at);
      at += end - base;
    }
    next.set(BASE);
    this.#open.reset();
    this.#state.fill(0);
    return this.#plain.subarray(0, length);
  }

  /** A time that does not follow the one before: only here the least and the greatest one can change. */
  #noteTime(low: number, high: number): void {
    const state = this.#state;
    if (state[RECORDS] === 1 || isBefore(low, high, state[LEAST]!, state[LEAST + 1]!)) {
      state[LEAST] = low;
      state[LEAST + 1] = high;
    }
    if (isBefore(state[MOST]!, state[MOST + 1]!, state[LAST]!, state[LAST + 1]!)) {
      state[MOST] = state[LAST]!;
      state[MOST + 1] = state[LAST + 1]!;
    }
  }

  #addFrame(near: number, frame: number): void {
    const next = this.#next;
    const distance = (near - frame) | 0;
    let narrow = distance >>> FRAME_SHIFT;
    if (narrow << FRAME_SHIFT !== distance || narrow >= IS_WIDE) {
      narrow = IS_WIDE;
      this.#put32(FRAME_WIDE, frame);
    }
    this.#bytes[next[FRAME_LOW]!++] = narrow;
    this.#bytes[next[FRAME_HIGH]!++] = narrow >> 8;
  }

  #addRow(words: Uint32Array, at: number, bytes: number): void {
    const rows = this.#rows;
    let to = this.#next[ROWS]! >>> 2;
    rows[to++] = words[at + FRAME]!;
    for (let word = EVENT_BYTES / 4; word < bytes / 4; word++) rows[to++] = words[at + word]!;
    this.#next[ROWS] = to << 2;
  }

  /** What a long call has behind its head. */
  #addLong(words: Uint32Array, at: number, kind: number): void {
    const out = this.#bytes;
    const next = this.#next;
    const state = this.#state;
    const since = state[RECORDS]! - state[LAST_LONG]!;
    state[LAST_LONG] = state[RECORDS]!;
    out[next[LONG_LOW]!++] = since;
    out[next[LONG_HIGH]!++] = since >> 8;
    if (kind === KIND_ENTRY) {
      this.#put32(LONG_VIF, words[at + VIF]!);
      this.#put32(LONG_NEXTHOP, words[at + NEXTHOP_ID]!);
    } else {
      this.#put32(LONG_RESULT_LOW, words[at + RESULT_LOW]!);
      this.#put32(LONG_RESULT_HIGH, words[at + RESULT_HIGH]!);
    }
  }

  #put32(column: number, value: number): void {
    const to = this.#next[column]!;
    const out = this.#bytes;
    out[to] = value;
    out[to + 1] = value >>> 8;
    out[to + 2] = value >>> 16;
    out[to + 3] = value >>> 24;
    this.#next[column] = to + 4;
  }
}

/** Whether a time is less than another one; of each the low and the high half. */
function isBefore(low: number, high: number, thanLow: number, thanHigh: number): boolean {
  return high === thanHigh ? low >>> 0 < thanLow >>> 0 : high >>> 0 < thanHigh >>> 0;
}
