/**
 * Writes messages of protocol buffers, field by field, without an allocation for each.
 *
 * Encoding: https://protobuf.dev/programming-guides/encoding/
 *
 * @module
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

/**
 * Bytes of a nested message's length: a varint may be longer than it needs to be, so it can be filled in
 * once it is known.
 */
const LENGTH_BYTES = 4;
/** Bytes of a varint at most. */
const VARINT_BYTES = 10;
const FIXED64_BYTES = 8;
/** Bytes of UTF-8 that a unit of UTF-16 takes at most. */
const UNIT_BYTES = 3;

const encoder = new TextEncoder();

/**
 * A message.
 *
 * @example
 * ```ts
 * message.clear();
 * const nested = message.begin(2);
 * message.text(1, "vm_rx");
 * message.end(nested);
 * ```
 */
export class Message {
  #buffer = new Uint8Array(1024);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  /** What was written since {@linkcode clear}; changes with the next field. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Number of {@linkcode bytes}. */
  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(field: number, value: number): void {
    this.#reserve(2 * VARINT_BYTES);
    this.#length = putVarint(this.#buffer, this.#length, field * 8 + VARINT);
    this.#length = putVarint(this.#buffer, this.#length, value);
  }

  /** A whole number of 64 bits, without a sign. */
  big(field: number, value: bigint): void {
    this.#reserve(2 * VARINT_BYTES);
    this.#length = putVarint(this.#buffer, this.#length, field * 8 + VARINT);
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) this.#buffer[this.#length++] = Number(rest & 127n) | 128;
    this.#buffer[this.#length++] = Number(rest);
  }

  /** A whole number of 64 bits, with or without a sign, in 8 bytes. */
  fixed64(field: number, value: bigint): void {
    this.#reserve(VARINT_BYTES + FIXED64_BYTES);
    this.#length = putVarint(this.#buffer, this.#length, field * 8 + FIXED64);
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true);
    this.#length += FIXED64_BYTES;
  }

  /** A number with a fraction. */
  double(field: number, value: number): void {
    this.#reserve(VARINT_BYTES + FIXED64_BYTES);
    this.#length = putVarint(this.#buffer, this.#length, field * 8 + FIXED64);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += FIXED64_BYTES;
  }

  /** Bytes as they are. */
  data(field: number, value: Uint8Array): void {
    const start = this.begin(field);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    this.end(start);
  }

  text(field: number, value: string): void {
    const start = this.begin(field);
    this.#reserve(UNIT_BYTES * value.length);
    this.#length += encoder.encodeInto(value, this.#buffer.subarray(this.#length)).written;
    this.end(start);
  }

  /** Begins a nested message. @returns what {@linkcode end} wants to know */
  begin(field: number): number {
    this.#reserve(VARINT_BYTES + LENGTH_BYTES);
    this.#length = putVarint(this.#buffer, this.#length, field * 8 + LENGTH_DELIMITED);
    this.#length += LENGTH_BYTES;
    return this.#length;
  }

  /** Ends the nested message that began at `start`; it has less than 2^28 bytes. */
  end(start: number): void {
    let rest = this.#length - start;
    for (let at = start - LENGTH_BYTES; at < start; at++) {
      this.#buffer[at] = at === start - 1 ? rest : rest & 127 | 128;
      rest >>>= 7;
    }
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const buffer = new Uint8Array(2 * (this.#length + count));
    buffer.set(this.#buffer);
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}

/** Writes a whole number from 0 to 2^53 - 1. @returns the index behind it */
export function putVarint(buffer: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 2 ** 31) {
    buffer[at++] = rest % 128 | 128;
    rest = Math.floor(rest / 128);
  }
  let small = rest | 0;
  while (small >= 128) {
    buffer[at++] = small & 127 | 128;
    small >>>= 7;
  }
  buffer[at++] = small;
  return at;
}

/** Writes a whole number from 0 to 2^53 - 1 in 8 bytes. @returns the index behind it */
export function putFixed64(buffer: Uint8Array, start: number, value: number): number {
  let rest = value;
  for (let byte = 0; byte < 8; byte++) {
    buffer[start + byte] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return start + 8;
}
