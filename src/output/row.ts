/**
 * A row of text that is put together from bytes, without an allocation for each.
 *
 * @module
 */

import { Decimal64, DECIMAL64_BYTES } from "./decimal.ts";
import type { LineWriter } from "./line_writer.ts";

const NEWLINE = 0x0a;
const BLANK = 0x20;
const ZERO = 0x30;
const POINT = 0x2e;
const HEXADECIMAL = new TextEncoder().encode("0123456789abcdef");
const PREFIX = new TextEncoder().encode("0x");

const encoder = new TextEncoder();

/** Text in UTF-8. */
export function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** One row at a time, of any length. */
export class Row {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Cells of a terminal that the row takes. */
  #cells = 0;
  #marked = 0;
  readonly #time = new Decimal64();

  /** Starts the next row. */
  clear(): void {
    this.#length = 0;
    this.#cells = 0;
    this.#marked = 0;
  }

  /** Bytes of UTF-8. @param cells that they take on a terminal; one for each by default */
  put(bytes: Uint8Array, cells: number = bytes.length): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#cells += cells;
  }

  blanks(count: number): void {
    this.#reserve(count);
    this.#bytes.fill(BLANK, this.#length, this.#length + count);
    this.#length += count;
    this.#cells += count;
  }

  /** Blanks up to a cell of the row, if it is not there yet. */
  padTo(cell: number): void {
    if (cell > this.#cells) this.blanks(cell - this.#cells);
  }

  /** {@linkcode fill} counts from here. */
  mark(): void {
    this.#marked = this.#cells;
  }

  /** Blanks up to `cells` cells behind {@linkcode mark}. */
  fill(cells: number): void {
    this.padTo(this.#marked + cells);
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    this.digits(value, 1);
  }

  /** The same, with zeros in front up to a number of digits. */
  digits(value: number, least: number): void {
    let count = 1;
    for (let power = 10; power <= value; power *= 10) count++;
    count = Math.max(count, least);
    this.#reserve(count);
    this.#write(value, count);
    this.#cells += count;
  }

  /** A u64, by its halves, signed or not. */
  number64(low: number, high: number): void {
    this.#reserve(DECIMAL64_BYTES);
    const count = this.#time.write(this.#view, this.#length, low, high);
    this.#length += count;
    this.#cells += count;
  }

  /** A whole number of thousandths, as `12.345`, to the right of so many cells. */
  thousandths(value: number, cells: number): void {
    const whole = Math.floor(value / 1000);
    let count = 1;
    for (let power = 10; power <= whole; power *= 10) count++;
    this.blanks(Math.max(0, cells - count - 4));
    this.#reserve(count + 4);
    this.#write(whole, count);
    this.#bytes[this.#length++] = POINT;
    this.#write(value - 1000 * whole, 3);
    this.#cells += count + 4;
  }

  /** A u64 as `0x1f`. */
  hexadecimal(low: number, high: number): void {
    this.put(PREFIX);
    let isLeading = true;
    for (let shift = 60; shift >= 0; shift -= 4) {
      const nibble = (shift >= 32 ? high >>> (shift - 32) : low >>> shift) & 0xf;
      if (isLeading && nibble === 0 && shift > 0) continue;
      isLeading = false;
      this.#reserve(1);
      this.#bytes[this.#length++] = HEXADECIMAL[nibble]!;
      this.#cells++;
    }
  }

  /** Ends the row. @throws as `LineWriter.room()` */
  write(writer: LineWriter): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = NEWLINE;
    const at = writer.room(this.#length);
    const { view } = writer;
    for (let index = 0; index < this.#length; index++) {
      view.setUint8(at + index, this.#bytes[index]!);
    }
    writer.end(at + this.#length);
  }

  #write(value: number, count: number): void {
    let rest = value;
    for (let index = this.#length + count - 1; index >= this.#length; index--) {
      const next = Math.floor(rest / 10);
      this.#bytes[index] = ZERO + (rest - 10 * next);
      rest = next;
    }
    this.#length += count;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const bytes = new Uint8Array(2 * (this.#length + count));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
