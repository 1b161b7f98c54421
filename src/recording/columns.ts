/**
 * The columns of a block of records. A column has the same field of all records that have it, one after the
 * other, which compresses much better than whole records: see docs/recording.md.
 *
 * @module
 */

/**
 * The columns, in their order in the block. Numbers of several bytes are little endian. `ROWS` is the first
 * for its alignment.
 */
export const ROWS = 0;
/** What each record is, and which of the following it has. */
export const TAG = 1;
/** Time since the record before, bytes 0 and 1. */
export const TIME_LOW = 2;
export const TIME_HIGH = 3;
/** Whole times, 8 bytes. */
export const TIME_WIDE = 4;
/** 2 bytes. */
export const CPU = 5;
/** 4 bytes. */
export const TASK = 6;
/** Slot of the packet, and low byte of its generation: 3 bytes. */
export const PACKET = 7;
export const FUNCTION_LOW = 8;
export const FUNCTION_HIGH = 9;
/** Distance of frames, bytes 0 and 1. */
export const FRAME_LOW = 10;
export const FRAME_HIGH = 11;
/** Whole frames, 4 bytes. */
export const FRAME_WIDE = 12;
/** Kinds of records other than calls. */
export const KIND = 13;
/** Losses, {@linkcode LOSS_BYTES} each. */
export const LOSS = 14;
/** Columns of version 1.0, which all files have. */
export const FIRST_COLUMNS = 15;
/** Long calls, each by the number of records since the one before, bytes 0 and 1. */
export const LONG_LOW = 15;
export const LONG_HIGH = 16;
/** What long entries have, 4 bytes each. */
export const LONG_VIF = 17;
export const LONG_NEXTHOP = 18;
/** What long returns have: low and high half, 4 bytes each. */
export const LONG_RESULT_LOW = 19;
export const LONG_RESULT_HIGH = 20;
export const COLUMNS = 21;

/** Records that may precede it, and the number of all records lost so far, of 4 and 8 bytes. */
export const LOSS_BYTES = 12;

/** {@linkcode TAG}, what it is: no record, but a loss. */
export const IS_LOSS = 0;
/** The return that {@linkcode OpenFrames.expects}: nothing else is stored but its time and CPU. */
export const IS_EXPECTED_RETURN = 1;
export const IS_ENTRY = 2;
export const IS_RETURN = 3;
export const IS_OTHER = 4;
export const WHAT_MASK = 0x07;
/** {@linkcode TAG}: it differs from the record before in the CPU; from that of its CPU in the others. */
export const HAS_CPU = 0x08;
export const HAS_TASK = 0x10;
export const HAS_PACKET = 0x20;
export const TAG_MASK = 0x3f;

/** Instead of a time or frame in the two narrow columns: it is in the wide one. */
export const IS_WIDE = 0xffff;
/** Frames are on the stack, which is aligned like that; binary logarithm. */
export const FRAME_SHIFT = 3;

/** CPUs whose state is told apart; others share it. */
const CPUS = 1024;
const FIRST_CPUS = 8;
/** Open calls of a CPU that are kept. */
const DEPTH = 64;

/** Where {@linkcode OpenFrames} has a CPU. */
export function placeOf(cpu: number): number {
  return cpu & (CPUS - 1);
}

/**
 * What is known of each CPU from the records of the block so far. Writer and reader both follow it, and so
 * agree on what need not be stored. All numbers are signed, with the bits of the unsigned ones.
 */
export class OpenFrames {
  readonly #depth = new Int32Array(CPUS);
  // Of the first CPUs alone, until there are calls of others.
  #frames = new Int32Array(FIRST_CPUS * DEPTH);
  #calls = new Int32Array(FIRST_CPUS * DEPTH);
  #tasks = new Int32Array(FIRST_CPUS * DEPTH);
  /** Frame of the CPU's last call, if none is open. */
  readonly #lastFrame = new Int32Array(CPUS);
  /** By place: task of the CPU's last record. */
  readonly task: Int32Array = new Int32Array(CPUS);
  /** By place: packet of its last record that is not a return: slot, and generation above it. */
  readonly packet: Int32Array = new Int32Array(CPUS);

  /** Forgets everything, for a new block. */
  reset(): void {
    this.#depth.fill(0);
    this.#lastFrame.fill(0);
    this.task.fill(0);
    this.packet.fill(0);
  }

  /** Index of the innermost open call, for the following; -1 if there is none. */
  top(place: number): number {
    const depth = this.#depth[place]!;
    return depth === 0 ? -1 : place * DEPTH + depth - 1;
  }

  frameOf(top: number): number {
    return this.#frames[top]!;
  }

  /** Function and slot, as in a record. */
  callOf(top: number): number {
    return this.#calls[top]!;
  }

  taskOf(top: number): number {
    return this.#tasks[top]!;
  }

  /** Whether a return is that of the innermost open call. */
  expects(place: number, task: number, frame: number, call: number): boolean {
    const depth = this.#depth[place]!;
    if (depth === 0) return false;
    const top = place * DEPTH + depth - 1;
    return this.#frames[top] === frame && this.#calls[top] === call && this.#tasks[top] === task;
  }

  /** What the frame of a call is near to. */
  near(place: number): number {
    const depth = this.#depth[place]!;
    return depth === 0 ? this.#lastFrame[place]! : this.#frames[place * DEPTH + depth - 1]!;
  }

  /** The innermost open call has returned. */
  pop(place: number): void {
    const depth = this.#depth[place]! - 1;
    const top = place * DEPTH + depth;
    this.#depth[place] = depth;
    this.#lastFrame[place] = this.#frames[top]!;
    this.task[place] = this.#tasks[top]!;
  }

  /** A call starts: the task's calls at lower frames have ended. */
  enter(place: number, task: number, frame: number, call: number): void {
    let depth = this.#depth[place]!;
    while (depth > 0) {
      const top = place * DEPTH + depth - 1;
      if (this.#tasks[top] !== task || this.#frames[top]! >>> 0 >= frame >>> 0) break;
      depth--;
    }
    if (depth === DEPTH) depth = 0;
    const at = place * DEPTH + depth;
    if (at >= this.#frames.length) this.#grow(at);
    this.#frames[at] = frame;
    this.#calls[at] = call;
    this.#tasks[at] = task;
    this.#depth[place] = depth + 1;
  }

  /** Another call has returned: the task's calls up to its frame have ended. */
  leave(place: number, task: number, frame: number): void {
    let depth = this.#depth[place]!;
    while (depth > 0) {
      const top = place * DEPTH + depth - 1;
      if (this.#tasks[top] !== task || this.#frames[top]! >>> 0 > frame >>> 0) break;
      depth--;
    }
    this.#depth[place] = depth;
    this.#lastFrame[place] = frame;
  }

  #grow(at: number): void {
    let length = this.#frames.length;
    while (length <= at) length *= 2;
    this.#frames = grown(this.#frames, length);
    this.#calls = grown(this.#calls, length);
    this.#tasks = grown(this.#tasks, length);
  }
}

function grown(numbers: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const all = new Int32Array(length);
  all.set(numbers);
  return all;
}
