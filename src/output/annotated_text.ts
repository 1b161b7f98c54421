/**
 * The trace as text with more than `text.ts` shows: columns of durations, and in comments results,
 * packets, vifs and nexthops; in colours on a terminal. Allocates for what it has not written before, not
 * for each event.
 *
 * @module
 */

import { type ResultType, resultWords } from "../kernel/result_type.ts";
import { describePacket } from "../packet/describe.ts";
import { SOURCE, SOURCE_KERNEL } from "../probe/packet_record.ts";
import { printable } from "../sys/printable.ts";
import {
  type Incomplete,
  NONE,
  type PacketDetails,
  SELF,
  type Step,
  TOTAL,
} from "../trace/events.ts";
import type { PacketTable } from "../trace/packets.ts";
import { cellsOf } from "./cells.ts";
import type { LineWriter } from "./line_writer.ts";
import { Row, textBytes } from "./row.ts";
import type { OutputView, Shown } from "./view.ts";

const TIMESTAMP_CELLS = 20;
const CPU_CELLS = 3;
const CELL = 64;
const DURATION_CELLS = 12;
/** Results that are kept in words, per function. */
const KEPT_RESULTS = 256;

const encoder = new TextEncoder();

/** SGR sequences by what they mark. */
const COLOURS = {
  kernel: encoder.encode("\x1b[36m"),
  vrouter: encoder.encode("\x1b[32m"),
  reason: encoder.encode("\x1b[31m"),
  duration: encoder.encode("\x1b[33m"),
  comment: encoder.encode("\x1b[2m"),
  none: encoder.encode("\x1b[m"),
} as const;

const RETURNED = textBytes("}");
const RETURN_LOST = textBytes("  /* return lost */");
const TRACE_ENDED = textBytes("  /* trace ended */");
const OPENS = textBytes("() {");
const COMMENT = textBytes("  /* ");
const COMMA = textBytes(", ");
const COMMENT_END = textBytes(" */");
const RESULT = textBytes("ret=");
const NEXTHOP = textBytes("nh ");
const NUMBER = textBytes("#");
const UNKNOWN_NUMBER = textBytes("#?");
const ORPHAN = textBytes("/* ");
const DROPPED = textBytes("/* dropped by the kernel");
const COLON = textBytes(": ");
const ORPHANED = textBytes("() returned, its call was lost */");

/** What the view knows besides its steps. */
export interface AnnotatedContext {
  /** Names, by the indexes used in steps. */
  readonly functions: readonly string[];
  readonly packets: Pick<PacketTable, "number" | "numberOf">;
  /** Reasons of drops, by their numbers. */
  readonly reasons: (number: number) => string;
  /** Likewise those of the kernel; by default the number. */
  readonly kernelReasons?: ((number: number) => string) | undefined;
  readonly shown: Shown;
}

/** Writes a row per step of the call trees. */
export class AnnotatedView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #packets: AnnotatedContext["packets"];
  readonly #reasons: (number: number) => string;
  readonly #kernelReasons: (number: number) => string;
  readonly #shown: Shown;
  readonly #hasDurations: boolean;
  readonly #hasResults: boolean;
  readonly #hasPackets: boolean;
  readonly #hasVifs: boolean;
  readonly #hasNexthops: boolean;
  readonly #names: readonly Uint8Array[];
  readonly #row = new Row();
  /** By slot: words of a packet that has not been in a row yet. */
  readonly #words = new Map<number, string>();
  /** By function: results in words, by the low half of the register where the high half does not matter. */
  readonly #results: Map<number, Uint8Array>[];
  /** Names of vifs by index, as of {@linkcode #vifs}. */
  readonly #vifNames = new Map<number, Uint8Array>();
  #vifs: ReturnType<Shown["vifs"]> = [];
  /** Whether the row has a comment already. */
  #isComment = false;

  /** @param writer receives the rows; its owner flushes it */
  constructor(writer: LineWriter, context: AnnotatedContext) {
    const { functions, packets, reasons, kernelReasons = String, shown } = context;
    this.#writer = writer;
    this.#packets = packets;
    this.#reasons = reasons;
    this.#kernelReasons = kernelReasons;
    this.#shown = shown;
    this.#hasDurations = shown.items.has("duration");
    this.#hasResults = shown.items.has("return");
    this.#hasPackets = shown.items.has("packet");
    this.#hasVifs = shown.items.has("vif");
    this.#hasNexthops = shown.items.has("nh");
    this.#names = functions.map((name) => textBytes(printable(name)));
    this.#results = functions.map(() => new Map());
  }

  begin(): number {
    const durations = this.#hasDurations
      ? `${"Total us".padStart(DURATION_CELLS)} ${"Self us".padStart(DURATION_CELLS)} `
      : "";
    const columns = `${"Timestamp".padEnd(TIMESTAMP_CELLS)} CPU ${durations}`;
    this.#writer.text(`${columns}${"Function".padStart(32)}\n`);
    return 1;
  }

  /** Keeps its words for its first row. */
  packet({ packet }: Readonly<Step>, details: Readonly<PacketDetails>): void {
    if (!this.#hasPackets) return;
    const bytes = details.header.subarray(0, details.captured);
    const words = describePacket(bytes, details.length);
    // Of a copy only its parent is known, until its first call shows its bytes.
    this.#words.set(packet & 0xffff, words);
  }

  copied({ packet }: Readonly<Step>, { parent }: Readonly<PacketDetails>): void {
    if (!this.#hasPackets) return;
    const number = this.#packets.numberOf(parent);
    this.#words.set(packet & 0xffff, `copy of #${number === 0 ? "?" : number}`);
  }

  enter(step: Readonly<Step>): void {
    const row = this.#row;
    const { fn } = step;
    this.#start(step, false);
    this.#colour(this.#shown.isVrouter[fn] ? "vrouter" : "kernel");
    row.put(this.#names[fn]!);
    this.#colour("none");
    row.put(OPENS);
    this.#isComment = false;
    if (step.reason !== NONE) {
      this.#comment();
      this.#colour("reason");
      row.put(textBytes(printable(this.#reasons(step.reason))));
      this.#colour("comment");
    }
    if (this.#hasPackets) this.#packet(step.packet);
    if (this.#hasVifs && step.vif !== NONE) this.#vif(step.vif);
    if (this.#hasNexthops && step.nexthop !== NONE) {
      this.#comment();
      row.put(NEXTHOP);
      row.number(step.nexthop >>> 0);
    }
    if (this.#isComment) {
      row.put(COMMENT_END);
      this.#colour("none");
    }
    this.#end();
  }

  /** vrouter's are told with the call that drops. */
  dropped(step: Readonly<Step>, { record, reason }: Readonly<PacketDetails>): void {
    if (record[SOURCE] !== SOURCE_KERNEL) return;
    const why = this.#kernelReasons(reason);
    const row = this.#row;
    this.#start(step, false);
    this.#colour("comment");
    row.put(DROPPED);
    if (why !== "") {
      row.put(COLON);
      this.#colour("reason");
      row.put(textBytes(printable(why)));
      this.#colour("comment");
    }
    row.put(COMMENT_END);
    this.#colour("none");
    this.#end();
  }

  leave(step: Readonly<Step>): void {
    const row = this.#row;
    this.#start(step, true);
    row.put(RETURNED);
    const type = this.#hasResults && step.hasResult ? this.#shown.results[step.fn] : null;
    if (type && type.kind !== "void") {
      this.#isComment = false;
      this.#comment();
      row.put(RESULT);
      this.#result(type, step);
      row.put(COMMENT_END);
      this.#colour("none");
    }
    this.#end();
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    const row = this.#row;
    this.#start(step, false);
    row.put(RETURNED);
    this.#colour("comment");
    row.put(why === "return lost" ? RETURN_LOST : TRACE_ENDED);
    this.#colour("none");
    this.#end();
  }

  orphan(step: Readonly<Step>): void {
    const row = this.#row;
    this.#start(step, false);
    this.#colour("comment");
    row.put(ORPHAN);
    row.put(this.#names[step.fn]!);
    row.put(ORPHANED);
    this.#colour("none");
    this.#end();
  }

  /** The columns in front of the call, and its indentation. */
  #start({ low, high, cpu, depth, times }: Readonly<Step>, isEnd: boolean): void {
    const row = this.#row;
    row.clear();
    row.number64(low, high);
    row.padTo(TIMESTAMP_CELLS + 1);
    row.digits(cpu, CPU_CELLS);
    row.blanks(1);
    if (this.#hasDurations) {
      this.#duration(isEnd ? times[TOTAL]! : NaN);
      this.#duration(isEnd ? times[SELF]! : NaN);
    }
    row.mark();
    row.blanks(2 * depth);
  }

  /** In microseconds; blanks for what is not known. */
  #duration(nanoseconds: number): void {
    const row = this.#row;
    if (Number.isNaN(nanoseconds)) {
      row.blanks(DURATION_CELLS);
    } else {
      this.#colour("duration");
      row.thousandths(nanoseconds, DURATION_CELLS);
      this.#colour("none");
    }
    row.blanks(1);
  }

  /** Starts a comment, or the next part of it. */
  #comment(): void {
    if (this.#isComment) {
      this.#row.put(COMMA);
      return;
    }
    this.#isComment = true;
    this.#colour("comment");
    this.#row.put(COMMENT);
  }

  /** Its number, and in its first row its words. */
  #packet(handle: number): void {
    const row = this.#row;
    const number = this.#packets.number(handle);
    this.#comment();
    if (number === 0) {
      row.put(UNKNOWN_NUMBER);
      return;
    }
    row.put(NUMBER);
    row.number(number);
    const words = this.#words.get(handle & 0xffff);
    if (words === undefined) return;
    this.#words.delete(handle & 0xffff);
    row.blanks(1);
    row.put(textBytes(printable(words)), cellsOf(words));
  }

  #vif(index: number): void {
    const vifs = this.#shown.vifs();
    if (vifs !== this.#vifs) {
      this.#vifs = vifs;
      this.#vifNames.clear();
    }
    let bytes = this.#vifNames.get(index);
    if (bytes === undefined) {
      const name = vifs.find((vif) => vif.index === index)?.name ?? "";
      bytes = textBytes(printable(`vif0/${index}${name === "" ? "" : ` ${name}`}`));
      this.#vifNames.set(index, bytes);
    }
    this.#comment();
    this.#row.put(bytes);
  }

  #result(type: ResultType, { fn, resultLow, resultHigh }: Readonly<Step>): void {
    const row = this.#row;
    if (type.kind === "pointer" && (resultLow !== 0 || resultHigh !== 0)) {
      row.hexadecimal(resultLow, resultHigh);
      return;
    }
    const kept = this.#results[fn]!;
    const isKept = resultHigh === 0 || bitsOf(type) <= 32;
    let bytes = isKept ? kept.get(resultLow) : undefined;
    if (bytes === undefined) {
      bytes = textBytes(resultWords(type, resultLow, resultHigh) ?? "");
      if (isKept && kept.size < KEPT_RESULTS) kept.set(resultLow, bytes);
    }
    row.put(bytes);
  }

  #colour(kind: keyof typeof COLOURS): void {
    if (this.#shown.colour) this.#row.put(COLOURS[kind], 0);
  }

  #end(): void {
    this.#row.fill(CELL);
    this.#row.write(this.#writer);
  }
}

/** Bits of the register that count. */
function bitsOf(type: ResultType): number {
  switch (type.kind) {
    case "int":
    case "enum":
      return type.bits;
    case "bool":
      return 8;
    default:
      return 64;
  }
}
