/**
 * The trace as JSON lines for programs: docs/schema/calls.schema.json describes them. An object for each call,
 * when it ends, and for what happens to packets.
 *
 * @module
 */

import { describePacket } from "../packet/describe.ts";
import { printableJsonLine } from "../sys/printable.ts";
import {
  type Incomplete,
  NONE,
  type PacketDetails,
  SELF,
  type Step,
  TOTAL,
} from "../trace/events.ts";
import { dropFacts } from "./drop_facts.ts";
import { universalTime } from "./drops/wall_clock.ts";
import type { LineWriter } from "./line_writer.ts";
import {
  type Format,
  type Origin,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** Of the schema; one more when a key changes its meaning or goes away. */
const VERSION = 1;

/** The format's entry in the list. */
export const CALLS_JSON: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  durations: true,
  open: (writer, context) => new CallsJson(writer, context),
};

/** What is kept of an open call. */
interface OpenCall {
  readonly time: bigint;
  readonly packet: number | null;
}

class CallsJson implements OutputView {
  readonly #writer: LineWriter;
  readonly #context: TraceContext;
  readonly #origin: Origin;
  /** By open call. */
  readonly #open: OpenCall[] = [];

  constructor(writer: LineWriter, context: TraceContext) {
    this.#writer = writer;
    this.#context = context;
    this.#origin = context.origin ?? UNKNOWN_ORIGIN;
  }

  begin(): number {
    const { host, kernel, program } = this.#origin;
    const missing = this.#context.missing?.() ?? [];
    this.#line("trace", { host, kernel, program, missing });
    return 1;
  }

  enter(step: Readonly<Step>): void {
    this.#open[step.call] = { time: timeOf(step), packet: this.#number(step) };
  }

  leave(step: Readonly<Step>): void {
    this.#call(step, "returned");
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#call(step, why);
  }

  orphan(step: Readonly<Step>): void {
    this.#line("orphan", { ...this.#place(step, timeOf(step)), depth: step.depth });
  }

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { id, length, netns, ifindex, captured } = details;
    if (captured === 0) return;
    const bytes = details.header.subarray(0, captured);
    this.#line("packet", {
      ...this.#place(step, timeOf(step)),
      ...this.#packet(step),
      id: `${id}`,
      device: this.#origin.device(netns, ifindex),
      vif: this.#origin.vif(netns, ifindex),
      length,
      description: describePacket(bytes, length),
      bytes: bytes.toHex(),
    });
  }

  copied(step: Readonly<Step>, { id, parent }: Readonly<PacketDetails>): void {
    this.#line("copy", {
      ...this.#place(step, timeOf(step)),
      ...this.#packet(step),
      id: `${id}`,
      parent: this.#context.packets.numberOf(parent) || null,
    });
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    const { reason, by, drop } = dropFacts(details, this.#context);
    this.#line("drop", {
      ...this.#place(step, timeOf(step)),
      ...this.#packet(step),
      reason,
      by,
      cause: drop?.cause ?? null,
      vif: drop?.vif?.index ?? null,
      vrf: drop?.vrf ?? null,
      nexthop: drop?.nexthop?.id ?? null,
      flow: drop?.flow?.index ?? null,
      stack: drop?.stack ?? [],
    });
  }

  ended(step: Readonly<Step>): void {
    this.#line("end", { ...this.#place(step, timeOf(step)), ...this.#packet(step) });
  }

  #call(step: Readonly<Step>, end: string): void {
    const open = this.#open[step.call];
    const known = (time: number): number | null => Number.isNaN(time) ? null : time;
    const hasReturned = end === "returned";
    this.#line("call", {
      ...this.#place(step, open?.time ?? timeOf(step)),
      packet: open?.packet ?? null,
      depth: step.depth,
      duration: hasReturned ? known(step.times[TOTAL]!) : null,
      self: hasReturned ? known(step.times[SELF]!) : null,
      end,
    });
  }

  #packet(step: Readonly<Step>): { readonly packet: number | null } {
    return { packet: this.#number(step) };
  }

  /** Number of the packet; `null` if it is not known. */
  #number({ packet }: Readonly<Step>): number | null {
    return packet < 0 ? null : this.#context.packets.number(packet) || null;
  }

  #place({ cpu, task, fn }: Readonly<Step>, time: bigint): object {
    return {
      time: universalTime(time, this.#origin.wallOffset),
      monotonic: `${time}`,
      cpu,
      task,
      taskName: task === 0 ? null : this.#origin.task(task),
      function: fn === NONE ? null : this.#context.functions[fn] ?? null,
    };
  }

  #line(type: string, fields: object): void {
    this.#writer.text(printableJsonLine({ type, version: VERSION, ...fields }));
  }
}

function timeOf({ low, high }: Readonly<Step>): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
