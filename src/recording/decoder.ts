/**
 * The columns of a block back to its records.
 *
 * @module
 */

import {
  CALL,
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_ENTRY,
  KIND_LONG,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
  LONG_BYTES,
  MAX_UNITS,
  NEXTHOP_ID,
  type RecordSink,
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
  FIRST_COLUMNS,
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
  TAG_MASK,
  TASK,
  TIME_HIGH,
  TIME_LOW,
  TIME_WIDE,
  WHAT_MASK,
} from "./columns.ts";
import { MAX_LOSSES, MAX_RECORDS } from "./format.ts";
import { viewOf } from "../sys/view.ts";

const UNIT_WORDS = EVENT_BYTES / 4;
const LONG_UNITS = LONG_BYTES / EVENT_BYTES;
/** Of long calls: there are no more, or the next is none of the block's. */
const NO_MORE = -1;
const NOWHERE = -2;
/** Numbers of a loss: index of the record that it precedes, records ahead, all lost so far. */
const LOSS_NUMBERS = 3;
/** More columns than a newer minor version will have. */
const MAX_COLUMNS = 256;

/** Receives what a block has, in the order in which it was written. */
export interface BlockSink extends RecordSink {
  /**
   * Records were lost.
   *
   * @param ahead maximum number of records to come that may precede the loss
   * @param total records lost since the start
   */
  lost(ahead: number, total: number): void;
}

/** Decodes one block at a time. Its memory is that of the largest block so far. */
export class RecordDecoder {
  readonly #open = new OpenFrames();
  /** By column: where the next value is, and where it ends. */
  readonly #at = new Int32Array(COLUMNS);
  readonly #end = new Int32Array(COLUMNS);
  #plain: Uint8Array = new Uint8Array();
  #words = new Uint32Array();
  #length = 0;
  #losses = new Float64Array();
  #lossCount = 0;

  /**
   * Decodes all of a block, before anything of it is passed on.
   *
   * @param records number of its records
   * @returns false if it is damaged; it has no records then
   */
  decode(plain: Uint8Array, records: number): boolean {
    this.#plain = plain;
    this.#length = 0;
    this.#lossCount = 0;
    if (!this.#readPrefix() || !this.#makeRoom(records)) return false;
    this.#open.reset();
    const intact = this.#decodeAll(records);
    if (!intact) this.#length = this.#lossCount = 0;
    return intact;
  }

  /** Passes on what the block has. */
  feed(sink: BlockSink): void {
    const words = this.#words;
    let loss = 0;
    let nextLoss = this.#lossAt(loss);
    for (let at = 0; at < this.#length;) {
      while (at === nextLoss) {
        this.#tellLoss(sink, loss);
        nextLoss = this.#lossAt(++loss);
      }
      const units = unitsAt(words, at);
      sink.record(words, at, units * EVENT_BYTES);
      at += units * UNIT_WORDS;
    }
    for (; loss < this.#lossCount; loss++) this.#tellLoss(sink, loss);
  }

  #lossAt(loss: number): number {
    return loss < this.#lossCount ? this.#losses[LOSS_NUMBERS * loss]! : -1;
  }

  #tellLoss(sink: BlockSink, loss: number): void {
    const at = LOSS_NUMBERS * loss;
    sink.lost(this.#losses[at + 1]!, this.#losses[at + 2]!);
  }

  /** Finds the columns. */
  #readPrefix(): boolean {
    const plain = this.#plain;
    if (plain.length < 4) return false;
    const view = viewOf(plain);
    const columns = view.getUint32(0, true);
    if (columns < FIRST_COLUMNS || columns > MAX_COLUMNS || 4 + 4 * columns > plain.length) {
      return false;
    }
    // Those that an older version did not have are empty.
    this.#at.fill(0);
    this.#end.fill(0);
    let at = 4 + 4 * columns;
    for (let column = 0; column < columns; column++) {
      const bytes = view.getUint32(4 + 4 * column, true);
      if (bytes > plain.length - at) return false;
      if (column < COLUMNS) {
        this.#at[column] = at;
        this.#end[column] = at + bytes;
      }
      at += bytes;
    }
    return at === plain.length;
  }

  #bytesOf(column: number): number {
    return this.#end[column]! - this.#at[column]!;
  }

  #makeRoom(records: number): boolean {
    const losses = this.#bytesOf(LOSS) / LOSS_BYTES;
    if (records > MAX_RECORDS || losses > MAX_LOSSES || !Number.isInteger(losses)) return false;
    if (this.#bytesOf(TAG) !== records + losses || this.#bytesOf(ROWS) % 4 !== 0) return false;
    const longCalls = this.#bytesOf(LONG_LOW);
    if (longCalls > records || this.#bytesOf(LONG_HIGH) !== longCalls) return false;
    const words = UNIT_WORDS * (records + (LONG_UNITS - 1) * longCalls) + this.#bytesOf(ROWS) / 4;
    if (words > this.#words.length) this.#words = new Uint32Array(words);
    if (LOSS_NUMBERS * losses > this.#losses.length) {
      this.#losses = new Float64Array(LOSS_NUMBERS * losses);
    }
    return true;
  }

  /**
   * Where columns are too short, it decodes zeros and finds out at the end; it only makes sure that it
   * writes no more than there is room for.
   */
  #decodeAll(records: number): boolean {
    const plain = this.#plain;
    const at = this.#at;
    const open = this.#open;
    const words = this.#words;
    let [low, high, cpu, place, to, left] = [0, 0, 0, 0, 0, records];
    const tags = this.#end[TAG]!;
    // What is left when the next long call comes.
    let longLeft = this.#nextLong(records);
    for (let tagAt = at[TAG]!; tagAt < tags; tagAt++) {
      const tag = plain[tagAt]!;
      const what = tag & WHAT_MASK;
      if (tag > TAG_MASK || what > IS_OTHER) return false;
      if (what === IS_LOSS) {
        if (tag !== IS_LOSS || !this.#decodeLoss(to)) return false;
        continue;
      }
      if (left-- === 0) return false;
      const isLong = left === longLeft;
      const narrow = plain[at[TIME_LOW]!++]! | plain[at[TIME_HIGH]!++]! << 8;
      if (narrow === IS_WIDE) {
        low = this.#get32(TIME_WIDE);
        high = this.#get32(TIME_WIDE);
      } else low = (low + narrow) | 0;
      if ((tag & HAS_CPU) !== 0) {
        const from = at[CPU]!;
        cpu = plain[from]! | plain[from + 1]! << 8;
        at[CPU] = from + 2;
        place = placeOf(cpu);
      }
      words[to + TIMESTAMP_LOW] = low;
      words[to + TIMESTAMP_HIGH] = high;
      if (what === IS_EXPECTED_RETURN) {
        const top = open.top(place);
        if (top < 0 || (tag & (HAS_TASK | HAS_PACKET)) !== 0) return false;
        const task = open.taskOf(top);
        words[to + TASK_WORD] = task;
        words[to + FRAME] = open.frameOf(top);
        words[to + CALL] = open.callOf(top);
        words[to + CPU_AND_KIND] = cpu | KIND_RETURN << 16;
        open.pop(place);
        if (isLong) {
          this.#decodeLong(to, KIND_RETURN);
          longLeft = this.#nextLong(left);
          to += UNIT_WORDS;
        }
        to += UNIT_WORDS;
        continue;
      }
      if ((tag & HAS_TASK) !== 0) open.task[place] = this.#get32(TASK);
      const task = open.task[place]!;
      let packet = open.packet[place]!;
      if (what === IS_RETURN) packet &= 0xffff;
      if ((tag & HAS_PACKET) !== 0) {
        const from = at[PACKET]!;
        packet = plain[from]! | plain[from + 1]! << 8 | plain[from + 2]! << 16;
        at[PACKET] = from + 3;
      }
      const fn = plain[at[FUNCTION_LOW]!++]! | plain[at[FUNCTION_HIGH]!++]! << 8;
      const call = fn | packet << 16;
      words[to + TASK_WORD] = task;
      words[to + CALL] = call;
      if (what === IS_OTHER) {
        open.packet[place] = packet;
        const kind = plain[at[KIND]!++]!;
        words[to + CPU_AND_KIND] = cpu | kind << 16 | packet >>> 16 << 24;
        const units = this.#decodeRow(to);
        if (units === 0 || isLong || isCall(kind)) return false;
        to += units * UNIT_WORDS;
        continue;
      }
      const frame = this.#decodeFrame(open.near(place));
      words[to + FRAME] = frame;
      const kind = what === IS_ENTRY ? KIND_ENTRY : KIND_RETURN;
      words[to + CPU_AND_KIND] = cpu | kind << 16 | packet >>> 16 << 24;
      if (what === IS_RETURN) open.leave(place, task, frame);
      else {
        open.packet[place] = packet;
        open.enter(place, task, frame, call);
      }
      if (isLong) {
        this.#decodeLong(to, kind);
        longLeft = this.#nextLong(left);
        to += UNIT_WORDS;
      }
      to += UNIT_WORDS;
    }
    at[TAG] = tags;
    this.#length = to;
    return left === 0 && longLeft === NO_MORE &&
      at.every((value, column) => value === this.#end[column]);
  }

  #decodeFrame(near: number): number {
    const at = this.#at;
    const narrow = this.#plain[at[FRAME_LOW]!++]! | this.#plain[at[FRAME_HIGH]!++]! << 8;
    return narrow === IS_WIDE ? this.#get32(FRAME_WIDE) : (near - (narrow << FRAME_SHIFT)) | 0;
  }

  /** What of `left` records is left when the next long call comes; {@linkcode NO_MORE} if none does. */
  #nextLong(left: number): number {
    const at = this.#at;
    if (at[LONG_LOW]! >= this.#end[LONG_LOW]!) return NO_MORE;
    const since = this.#plain[at[LONG_LOW]!++]! | this.#plain[at[LONG_HIGH]!++]! << 8;
    return since === 0 || since > left ? NOWHERE : left - since;
  }

  /** Makes a call that is decoded already a long one. */
  #decodeLong(to: number, kind: number): void {
    const words = this.#words;
    words[to + CPU_AND_KIND]! |= KIND_LONG << 16;
    words.fill(0, to + UNIT_WORDS, to + LONG_UNITS * UNIT_WORDS);
    if (kind === KIND_ENTRY) {
      words[to + VIF] = this.#get32(LONG_VIF);
      words[to + NEXTHOP_ID] = this.#get32(LONG_NEXTHOP);
    } else {
      words[to + RESULT_LOW] = this.#get32(LONG_RESULT_LOW);
      words[to + RESULT_HIGH] = this.#get32(LONG_RESULT_HIGH);
    }
  }

  /** @returns units of the record; 0 if it is damaged */
  #decodeRow(to: number): number {
    const frame = this.#get32(ROWS);
    const units = frame & 0xff;
    if (units === 0 || units > MAX_UNITS) return 0;
    if ((units - 1) * EVENT_BYTES > this.#bytesOf(ROWS)) return 0;
    this.#words[to + FRAME] = frame;
    for (let word = UNIT_WORDS; word < units * UNIT_WORDS; word++) {
      this.#words[to + word] = this.#get32(ROWS);
    }
    return units;
  }

  #decodeLoss(record: number): boolean {
    if (this.#bytesOf(LOSS) < LOSS_BYTES) return false;
    const at = LOSS_NUMBERS * this.#lossCount++;
    this.#losses[at] = record;
    this.#losses[at + 1] = this.#get32(LOSS) >>> 0;
    const low = this.#get32(LOSS) >>> 0;
    this.#losses[at + 2] = (this.#get32(LOSS) >>> 0) * 2 ** 32 + low;
    return true;
  }

  #get32(column: number): number {
    const from = this.#at[column]!;
    const plain = this.#plain;
    this.#at[column] = from + 4;
    return (plain[from]! | plain[from + 1]! << 8 | plain[from + 2]! << 16 |
      plain[from + 3]! << 24);
  }
}

function isCall(kind: number): boolean {
  return kind <= KIND_RETURN || kind === KIND_LONG_ENTRY || kind === KIND_LONG_RETURN;
}

/** Length of a record in units. */
function unitsAt(words: Uint32Array, at: number): number {
  const kind = (words[at + CPU_AND_KIND]! >>> 16) & 0xff;
  if (kind === KIND_ENTRY || kind === KIND_RETURN) return 1;
  return isCall(kind) ? LONG_UNITS : words[at + FRAME]! & 0xff;
}
