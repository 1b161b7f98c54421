/**
 * The trace as text, in vrftrace2's columns: `%-20s %3.3s %32.32s` for the header and
 * `%-20d %03d %-64s` for a row. The last column is indented by two blanks per open call of the
 * same task; it is never truncated.
 *
 * @module
 */

import { printable } from "../sys/printable.ts";
import { SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import { type Incomplete, NONE, type PacketDetails, type Step } from "../trace/events.ts";
import { BLANKS, Decimal64, THREE_DIGITS } from "./decimal.ts";
import type { LineWriter } from "./line_writer.ts";
import { AnnotatedView } from "./annotated_text.ts";
import type { Format, OutputView } from "./view.ts";

/** The header's line. */
export const HEADER = `${"Timestamp".padEnd(20)} CPU ${"Function".padStart(32)}\n`;

const TIMESTAMP_BYTES = 20;
const CELL_BYTES = 64;
const INDENT_BYTES = 2;

/**
 * Size of a row without its indentation: both columns, the longest CPU number, the newline, and some
 * bytes written beyond the end, as stores are eight bytes wide.
 */
const ROW_BYTES = TIMESTAMP_BYTES + 1 + 5 + 1 + CELL_BYTES + 1 + 8;

const NEWLINE = 0x0a;
const ZERO = 0x30;

// Texts that do not depend on a function. Those of function f are the two from FIRST + 2 * f.
const RETURNED = 0;
const RETURN_LOST = 1;
const TRACE_ENDED = 2;
const FIRST = 3;

/** The format's entry in the list. */
export const TEXT: Format = {
  packets: false,
  drops: true,
  open: (writer, { functions, packets, reasons, shown, kernelReasons }) =>
    shown === undefined || (shown.items.size === 0 && !shown.colour)
      ? new TextView(writer, functions, reasons, kernelReasons)
      : new AnnotatedView(writer, {
        functions,
        packets,
        reasons: reasons ?? String,
        kernelReasons,
        shown,
      }),
};

/** The same without what vrftrace2 does not show. */
export const PLAIN_TEXT: Format = {
  packets: false,
  drops: false,
  open: (writer, { functions }) => new TextView(writer, functions),
};

/** Writes a row per step of the call trees. */
export class TextView implements OutputView {
  readonly #writer: LineWriter;
  readonly #names: readonly string[];
  readonly #reasons: (number: number) => string;
  readonly #kernelReasons: (number: number) => string;
  readonly #timestamp = new Decimal64();
  /** The texts in UTF-8, one after the other, each aligned to eight bytes. */
  readonly #texts: DataView;
  /** By text: its offset in {@linkcode #texts}, and after the last one the end. */
  readonly #starts: Int32Array;
  /** By text: its length in bytes. */
  readonly #lengths: Int32Array;

  /**
   * @param writer receives the rows; its owner flushes it
   * @param names of the functions, by the numbers used in steps
   * @param reasons for which vrouter drops packets, in words by their number
   * @param kernelReasons likewise those of the kernel
   */
  constructor(
    writer: LineWriter,
    names: readonly string[],
    reasons: (number: number) => string = String,
    kernelReasons: (number: number) => string = String,
  ) {
    this.#writer = writer;
    this.#names = names.map(printable);
    this.#reasons = reasons;
    this.#kernelReasons = kernelReasons;
    const texts = ["}", "}  /* return lost */", "}  /* trace ended */"];
    for (const name of this.#names) {
      texts.push(`${name}() {`, `/* ${name}() returned, its call was lost */`);
    }
    const encoder = new TextEncoder();
    const encoded = texts.map((text) => encoder.encode(text));
    this.#lengths = Int32Array.from(encoded, (text) => text.length);
    this.#starts = new Int32Array(encoded.length + 1);
    for (let text = 0; text < encoded.length; text++) {
      this.#starts[text + 1] = this.#starts[text]! + Math.ceil(this.#lengths[text]! / 8) * 8;
    }
    const bytes = new Uint8Array(this.#starts[encoded.length]!).fill(0x20);
    encoded.forEach((text, index) => bytes.set(text, this.#starts[index]!));
    this.#texts = new DataView(bytes.buffer);
  }

  /**
   * Writes the header.
   *
   * @throws as `LineWriter.flush()`, like the other methods
   */
  begin(): number {
    this.#writer.text(HEADER);
    return 1;
  }

  enter(step: Readonly<Step>): void {
    if (step.reason === NONE) this.#row(step, FIRST + 2 * step.fn);
    else this.#textRow(step, `${this.#names[step.fn]}() {  /* ${this.#reasons(step.reason)} */`);
  }

  /** vrouter's are told with the call that drops. */
  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (details.record[SOURCE] !== SOURCE_KERNEL) return;
    const why = this.#kernelReasons(details.reason);
    this.#textRow(step, `/* dropped by the kernel${why === "" ? "" : `: ${why}`} */`);
  }

  /** A row about a drop. There are few of these. */
  #textRow({ low, high, cpu, depth }: Readonly<Step>, text: string): void {
    const time = BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
    const cell = " ".repeat(INDENT_BYTES * depth) + printable(text);
    const columns = [
      `${time}`.padEnd(TIMESTAMP_BYTES),
      `${cpu}`.padStart(3, "0"),
      cell.padEnd(CELL_BYTES),
    ];
    this.#writer.text(`${columns.join(" ")}\n`);
  }

  leave(step: Readonly<Step>): void {
    this.#row(step, RETURNED);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#row(step, why === "return lost" ? RETURN_LOST : TRACE_ENDED);
  }

  orphan(step: Readonly<Step>): void {
    this.#row(step, FIRST + 2 * step.fn + 1);
  }

  #row(step: Readonly<Step>, text: number): void {
    const indent = INDENT_BYTES * step.depth;
    const length = indent + this.#lengths[text]!;
    let at = this.#writer.room(ROW_BYTES + length);
    const view = this.#writer.view;
    this.#timestamp.write(view, at, step.low, step.high);
    at += TIMESTAMP_BYTES + 1;
    const { cpu } = step;
    if (cpu < 1000) {
      view.setUint32(at, THREE_DIGITS[cpu]!, true);
      at += 4;
    } else {
      at = writeLargeCpu(view, at, cpu);
    }
    const end = at + Math.max(length, CELL_BYTES);
    for (let blank = at; blank < end; blank += 8) view.setFloat64(blank, BLANKS, true);
    const texts = this.#texts;
    const stop = this.#starts[text + 1]!;
    at += indent;
    // Eight bytes of UTF-8 without DEL are never a NaN, so a double preserves them.
    for (let from = this.#starts[text]!; from < stop; from += 8, at += 8) {
      view.setFloat64(at, texts.getFloat64(from, true), true);
    }
    view.setUint8(end, NEWLINE);
    this.#writer.end(end + 1);
  }
}

/** Writes the digits of a CPU number of 1000 or more, and a blank; returns the index after them. */
function writeLargeCpu(view: DataView, at: number, cpu: number): number {
  const thousands = Math.floor(cpu / 1000);
  if (thousands >= 10) view.setUint8(at++, ZERO + Math.floor(thousands / 10));
  view.setUint8(at++, ZERO + thousands % 10);
  view.setUint32(at, THREE_DIGITS[cpu % 1000]!, true);
  return at + 4;
}
