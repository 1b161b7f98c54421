/**
 * The trace as JSON lines, an object for each event, with all that it carries: to see what a view is told
 * when debugging vrft, and for its tests. Allocates for each event.
 *
 * @module
 */

import { DECISION, DECISION_BYTES } from "../probe/decision_record.ts";
import { resultWords } from "../kernel/result_type.ts";
import {
  type Incomplete,
  NONE,
  type PacketDetails,
  SELF,
  type Step,
  TOTAL,
} from "../trace/events.ts";
import { type PacketTable, UNKNOWN_PACKET } from "../trace/packets.ts";
import type { LineWriter } from "./line_writer.ts";
import type { Format, OutputView, Shown } from "./view.ts";

/** The format's entry in the list. */
export const EVENTS: Format = {
  packets: true,
  drops: true,
  open: (writer, { functions, packets, shown }) =>
    new EventsView(writer, functions, packets, shown),
};

/** Writes an object per event. */
class EventsView implements OutputView {
  readonly #writer: LineWriter;
  readonly #functions: readonly string[];
  readonly #packets: PacketTable;
  readonly #shown: Shown | undefined;
  /** By open call: id of its packet, which may be gone when the call returns. */
  readonly #ofCall: number[] = [];

  constructor(
    writer: LineWriter,
    functions: readonly string[],
    packets: PacketTable,
    shown?: Shown,
  ) {
    this.#shown = shown;
    this.#writer = writer;
    this.#functions = functions;
    this.#packets = packets;
  }

  begin(): number {
    return 0;
  }

  enter(step: Readonly<Step>): void {
    const packet = this.#packets.id(step.packet);
    this.#ofCall[step.call] = packet;
    this.#write("enter", step, packet, this.#place(step));
  }

  leave(step: Readonly<Step>): void {
    this.#write("leave", step, this.#ofCall[step.call]!, this.#end(step));
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#write("abandon", step, this.#ofCall[step.call]!, { why });
  }

  orphan(step: Readonly<Step>): void {
    this.#write("orphan", step, UNKNOWN_PACKET);
  }

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { length, netns, ifindex, header, captured } = details;
    const bytes = header.subarray(0, captured).toHex();
    this.#write("packet", step, details.id, { length, netns, ifindex, header: bytes });
  }

  copied(step: Readonly<Step>, { id, parent }: Readonly<PacketDetails>): void {
    this.#write("copied", step, id, { parent });
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const location = `0x${u64(details.locationLow, details.locationHigh).toString(16)}`;
    this.#write("dropped", step, details.id, { reason: details.reason, location });
  }

  ended(step: Readonly<Step>, { id }: Readonly<PacketDetails>): void {
    this.#write("ended", step, id);
  }

  matched(step: Readonly<Step>, { id }: Readonly<PacketDetails>): void {
    this.#write("matched", step, id);
  }

  decided(step: Readonly<Step>, { id, record }: Readonly<PacketDetails>): void {
    const words = [...record.subarray(DECISION, DECISION_BYTES / 4)];
    this.#write("decided", step, id, { words });
  }

  /** What `--show` adds to the start of a call. */
  #place({ vif, nexthop }: Readonly<Step>): object {
    const known = (number: number): number | null => number === NONE ? null : number >>> 0;
    return {
      ...this.#shown?.items.has("vif") ? { vif: known(vif) } : {},
      ...this.#shown?.items.has("nh") ? { nh: known(nexthop) } : {},
    };
  }

  /** What `--show` adds to the return of a call. */
  #end({ fn, times, hasResult, resultLow, resultHigh }: Readonly<Step>): object {
    const known = (time: number): number | null => Number.isNaN(time) ? null : time;
    const type = hasResult ? this.#shown?.results[fn] ?? null : null;
    return {
      ...this.#shown?.items.has("duration")
        ? { total: known(times[TOTAL]!), self: known(times[SELF]!) }
        : {},
      ...this.#shown?.items.has("return")
        ? { return: type && resultWords(type, resultLow, resultHigh) }
        : {},
    };
  }

  #write(event: string, step: Readonly<Step>, id: number, more: object = {}): void {
    const { low, high, cpu, task, depth } = step;
    const time = `${u64(low, high)}`;
    const name = step.fn === NONE ? null : this.#functions[step.fn];
    const packet = id === UNKNOWN_PACKET ? null : id;
    const line = { event, time, cpu, task, depth, function: name, packet, ...more };
    this.#writer.text(`${JSON.stringify(line)}\n`);
  }
}

function u64(low: number, high: number): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
