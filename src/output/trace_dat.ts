/**
 * The trace as a trace.dat of version 6, for trace-cmd and KernelShark: calls as events of the kernel's own
 * function_graph tracer, and drops as `vrft/drop`.
 *
 * The pages of a CPU stand together, and their number before all of them. So they wait for the end in a spool,
 * 34 bytes for each call or return, and what is in front of them is written then, too: a file that was cut off
 * would be refused anyway. A call without a return event has none here either.
 *
 * Format: trace-cmd.dat.v6(5)
 *
 * @module
 */

import { printable } from "../sys/printable.ts";
import type { PacketDetails, Step } from "../trace/events.ts";
import { dropFacts } from "./drop_facts.ts";
import type { LineWriter } from "./line_writer.ts";
import { textBytes } from "./row.ts";
import { BlockSpool, Lane, MemorySpool } from "./spool.ts";
import {
  CLOCKS,
  DROP,
  DROP_BYTES,
  DROP_FORMAT,
  ENTRY,
  ENTRY_BYTES,
  ENTRY_FORMAT,
  EXIT,
  EXIT_BYTES,
  EXIT_FORMAT,
  HEADER_EVENT,
  HEADER_PAGE,
  PAGE_BYTES,
} from "./trace_dat_formats.ts";
import { Increments } from "./tracks.ts";
import {
  type Format,
  missingText,
  type Origin,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** The format's entry in the list. */
export const TRACE_DAT: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  isBinary: true,
  open: (writer, context) => new TraceDatView(writer, context),
};

/** Bytes of a page in front of its events: time of the first one, and bytes of all of them. */
const PAGE_HEAD_BYTES = 16;
/** Bytes of an event in front of its data. */
const HEAD_BYTES = 4;
/** Instead of an event's length: its 8 bytes are a time that does not fit into the head. */
const TIME_EXTEND = 30;
const EXTEND_BYTES = 8;
const DELTA_BITS = 27;

// Options of the file.
const OPTION_END = 0;
const OPTION_CLOCK = 4;
const OPTION_UNAME = 5;
const OPTION_OFFSET = 7;
const OPTION_CPUS = 8;
const OPTION_VERSION = 9;

/** Address of the first function, and bytes of each: they are made up. */
const TEXT_LOW = 0xc000_0000;
const TEXT_HIGH = 0xffff_ffff;
const FUNCTION_BYTES = 16;

/** A CPU's pages. */
class CpuPages {
  readonly clock = new Increments();
  constructor(readonly lane: Lane) {}
}

/** Puts events into pages, and writes the file at the end. */
class TraceDatView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #context: TraceContext;
  readonly #origin: Origin;
  readonly #spool: BlockSpool;
  /** By CPU. */
  readonly #cpus: (CpuPages | undefined)[] = [];
  readonly #tasks = new Set<number>();
  #task = 0;
  // By open call: halves of the time of its start.
  #low = new Int32Array(1024);
  #high = new Int32Array(1024);

  constructor(writer: LineWriter, context: TraceContext) {
    this.#writer = writer;
    this.#context = context;
    this.#origin = context.origin ?? UNKNOWN_ORIGIN;
    this.#spool = new BlockSpool(context.spool?.() ?? new MemorySpool(), PAGE_BYTES);
  }

  begin(): number {
    return 0;
  }

  enter(step: Readonly<Step>): void {
    const { call, low, high, fn, depth } = step;
    if (call >= this.#low.length) this.#grow(call);
    this.#low[call] = low;
    this.#high[call] = high;
    const { lane: { view, used } } = this.#event(step, ENTRY, ENTRY_BYTES);
    const at = used - ENTRY_BYTES;
    view.setUint32(at + 8, TEXT_LOW + FUNCTION_BYTES * fn, true);
    view.setUint32(at + 12, TEXT_HIGH, true);
    view.setInt32(at + 16, depth, true);
  }

  leave(step: Readonly<Step>): void {
    const { call, fn, depth } = step;
    const { lane: { view, used }, clock } = this.#event(step, EXIT, EXIT_BYTES);
    const at = used - EXIT_BYTES;
    view.setUint32(at + 8, TEXT_LOW + FUNCTION_BYTES * fn, true);
    view.setUint32(at + 12, TEXT_HIGH, true);
    view.setInt32(at + 16, depth, true);
    view.setUint32(at + 20, 0, true);
    view.setInt32(at + 24, this.#low[call]!, true);
    view.setInt32(at + 28, this.#high[call]!, true);
    view.setInt32(at + 32, clock.low, true);
    view.setInt32(at + 36, clock.high, true);
  }

  abandon(): void {}

  orphan(): void {}

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { reason, by, drop } = dropFacts(details, this.#context);
    const { lane: { bytes, view, used } } = this.#event(step, DROP.id, DROP_BYTES);
    const at = used - DROP_BYTES;
    const number = this.#context.packets.number(step.packet);
    bytes.fill(0, at + 8, used);
    view.setBigUint64(at + DROP.packet, BigInt(number), true);
    view.setInt32(at + DROP.vif, drop?.vif?.index ?? -1, true);
    view.setInt32(at + DROP.vrf, drop?.vrf ?? -1, true);
    view.setInt32(at + DROP.nexthop, drop?.nexthop?.id ?? -1, true);
    view.setInt32(at + DROP.flow, drop?.flow?.index ?? -1, true);
    view.setInt32(at + DROP.length, drop?.length ?? 0, true);
    putText(bytes, at + DROP.reason, reason, DROP.reasonBytes);
    putText(bytes, at + DROP.by, by, DROP.byBytes);
  }

  *end(): Generator<void, void, undefined> {
    for (const cpu of this.#cpus) if (cpu !== undefined) this.#turnOver(cpu.lane);
    this.#writer.bytes(this.#head());
    for (const cpu of this.#cpus) {
      for (const page of cpu?.lane.replay() ?? []) {
        this.#writer.bytes(page);
        yield;
      }
    }
  }

  /** Begins an event: its data are the last `bytes` bytes that the lane has used. */
  #event(step: Readonly<Step>, type: number, bytes: number): CpuPages {
    const { cpu, task } = step;
    const pages = this.#cpus[cpu] ?? this.#pages(cpu);
    const { lane, clock } = pages;
    if (task !== this.#task) {
      this.#task = task;
      this.#tasks.add(task);
    }
    const isFirst = lane.blocks === 0 && lane.used === 0;
    let delta = 0;
    if (isFirst) clock.start(step);
    else delta = clock.to(step);
    if (lane.used + EXTEND_BYTES + HEAD_BYTES + bytes > PAGE_BYTES) this.#turnOver(lane);
    const { view } = lane;
    if (lane.used === 0) {
      view.setInt32(0, clock.low, true);
      view.setInt32(4, clock.high, true);
      lane.used = PAGE_HEAD_BYTES;
      delta = 0;
    }
    if (delta >= 2 ** DELTA_BITS) {
      view.setUint32(lane.used, TIME_EXTEND | delta % 2 ** DELTA_BITS << 5, true);
      view.setUint32(lane.used + 4, Math.floor(delta / 2 ** DELTA_BITS), true);
      lane.used += EXTEND_BYTES;
      delta = 0;
    }
    const at = lane.used;
    view.setUint32(at, bytes / 4 | delta << 5, true);
    view.setUint32(at + HEAD_BYTES, type, true);
    view.setInt32(at + HEAD_BYTES + 4, task, true);
    lane.used = at + HEAD_BYTES + bytes;
    return pages;
  }

  #pages(cpu: number): CpuPages {
    while (cpu > this.#cpus.length) this.#cpus.push(undefined);
    return this.#cpus[cpu] = new CpuPages(new Lane(this.#spool));
  }

  #turnOver(lane: Lane): void {
    lane.view.setUint32(8, lane.used - PAGE_HEAD_BYTES, true);
    lane.view.setUint32(12, 0, true);
    lane.bytes.fill(0, lane.used);
    lane.turnOver();
  }

  /** All in front of the first page. */
  #head(): Uint8Array {
    const { host, kernel, program, wallOffset } = this.#origin;
    const loss = missingText(this.#context);
    // At least one, or trace-cmd takes the file for something else.
    const cpus = Math.max(1, this.#cpus.length);
    const out = new Bytes();
    out.bytes(Uint8Array.of(0x17, 0x08, 0x44)).text("tracing").text("6\0");
    // Little endian, long integers of 8 bytes.
    out.bytes(Uint8Array.of(0, 8)).u32(PAGE_BYTES);
    out.text("header_page\0").sized(textBytes(HEADER_PAGE));
    out.text("header_event\0").sized(textBytes(HEADER_EVENT));
    out.u32(2).sized(textBytes(ENTRY_FORMAT)).sized(textBytes(EXIT_FORMAT));
    out.u32(1).text("vrft\0").u32(1).sized(textBytes(DROP_FORMAT));
    const symbols = textBytes(this.#symbols());
    out.u32(symbols.length).bytes(symbols).u32(0);
    out.sized(textBytes(this.#names()));
    out.u32(cpus).text("options  \0");
    out.option(OPTION_CLOCK, new Uint8Array());
    out.option(OPTION_UNAME, textBytes(`Linux ${printable(host)} ${printable(kernel)}\0`));
    out.option(OPTION_OFFSET, textBytes(`${wallOffset}\0`));
    out.option(OPTION_CPUS, new Bytes().u32(cpus).done());
    out.option(OPTION_VERSION, textBytes(`${program}${loss === "" ? "" : `; ${loss}`}\0`));
    out.u16(OPTION_END).text("flyrecord\0");
    const clocks = textBytes(CLOCKS);
    let offset = out.length + 16 * cpus + 8 + clocks.length;
    offset = Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES;
    const end = offset;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const size = PAGE_BYTES * (this.#cpus[cpu]?.lane.blocks ?? 0);
      out.u64(offset).u64(size);
      offset += size;
    }
    out.sized(clocks);
    return out.bytes(new Uint8Array(end - out.length)).done();
  }

  /** As in /proc/kallsyms. */
  #symbols(): string {
    const high = TEXT_HIGH.toString(16);
    const lines = this.#context.functions.map((name, fn) => {
      const low = (TEXT_LOW + FUNCTION_BYTES * fn).toString(16);
      return `${high}${low} t ${printable(name).replaceAll(/\s/g, "_")}\n`;
    });
    return lines.join("");
  }

  /** Names of tasks, as in saved_cmdlines. */
  #names(): string {
    const lines = [...this.#tasks].map((task) => {
      const name = this.#origin.task(task);
      return name === null ? "" : `${task} ${printable(name)}\n`;
    });
    return lines.join("");
  }

  #grow(call: number): void {
    const length = Math.max(2 * this.#low.length, call + 1);
    const [low, high] = [new Int32Array(length), new Int32Array(length)];
    low.set(this.#low);
    high.set(this.#high);
    this.#low = low;
    this.#high = high;
  }
}

/** As much of a text as there is room for, with a zero behind it. */
function putText(bytes: Uint8Array, at: number, text: string, room: number): void {
  new TextEncoder().encodeInto(text, bytes.subarray(at, at + room - 1));
}

/** Bytes that are put one after the other. */
class Bytes {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  bytes(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }

  text(text: string): this {
    return this.bytes(textBytes(text));
  }

  u16(value: number): this {
    return this.bytes(Uint8Array.of(value & 0xff, value >> 8));
  }

  u32(value: number): this {
    const part = new Uint8Array(4);
    new DataView(part.buffer).setUint32(0, value, true);
    return this.bytes(part);
  }

  u64(value: number): this {
    const part = new Uint8Array(8);
    new DataView(part.buffer).setBigUint64(0, BigInt(value), true);
    return this.bytes(part);
  }

  /** Bytes with their number in front. */
  sized(part: Uint8Array): this {
    return this.u64(part.length).bytes(part);
  }

  option(type: number, value: Uint8Array): this {
    return this.u16(type).u32(value.length).bytes(value);
  }

  done(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
