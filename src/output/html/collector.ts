/**
 * Collects what the page shows of packets and drops, as columns.
 *
 * @module
 */

import { printable } from "../../sys/printable.ts";
import { hintsFor } from "../../trace/drop_phrases.ts";
import { type Journey, type Outcome, STAGES } from "../../trace/journey.ts";
import { detailsOf, reasonText, vifText } from "../drops/words.ts";
import type { DropFacts } from "../drop_facts.ts";
import { colourOf, wayOf } from "../packets/lines.ts";
import { outcomeText, packetText, placeText } from "../packets/words.ts";
import { CallBytes } from "./calls.ts";
import {
  type DropColumns,
  type PacketColumns,
  type PageData,
  type ReasonRow,
  type Tone,
  TONES,
} from "./page_data.ts";

/** How much a page has at most: beyond that, browsers take seconds to open it. */
export interface PageLimits {
  readonly packets: number;
  readonly calls: number;
  readonly drops: number;
}

/** By the colour of a terminal. */
const TONE_OF: Readonly<Record<string, Tone>> = {
  "2": "dim",
  "31": "bad",
  "32": "good",
  "33": "warning",
  "35": "lost",
  "36": "agent",
};

const NONE = -1;
/** Nanoseconds of a trace at most: numbers of the page are exact up to it. */
const MAX_NS = BigInt(Number.MAX_SAFE_INTEGER);

type Mutable<T> = { -readonly [K in keyof T]: number[] };

/** Gives each text a number, the same for the same one. */
class Numbers {
  readonly all: string[] = [];
  readonly #known = new Map<string, number>();

  of(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.all.length);
    return this.all.push(text) - 1;
  }
}

/** Collects packets and drops. */
export class Collector {
  readonly #limits: PageLimits;
  readonly #texts = new Numbers();
  readonly #lineKeys = new Numbers();
  readonly #lines: (readonly [number, number])[] = [];
  readonly #outcomes = new Numbers();
  readonly #reasonKeys = new Numbers();
  readonly #reasons: ReasonRow[] = [];
  readonly #packets: Mutable<PacketColumns> = {
    number: [],
    parent: [],
    begin: [],
    duration: [],
    text: [],
    place: [],
    outcome: [],
    type: [],
    tone: [],
    incomplete: [],
    stages: [],
    stage: [],
    stageTime: [],
    lines: [],
    line: [],
    calls: [],
    callBytes: [],
    firstCall: [],
    callsOmitted: [],
  };
  readonly #drops: Mutable<DropColumns> = {
    time: [],
    reason: [],
    vif: [],
    nexthop: [],
    text: [],
    fn: [],
    packet: [],
  };
  /** By drop: id of its packet. */
  readonly #dropped: number[] = [];
  /** By id of a packet: the row of its latest journey. */
  readonly #rows = new Map<number, number>();
  readonly #calls = new CallBytes();
  #start: bigint | null = null;
  #keptCalls = 0;
  #packetCount = 0;
  #callCount = 0;
  #dropCount = 0;

  constructor(limits: PageLimits) {
    this.#limits = limits;
  }

  /** What was collected, and how much of the trace it is. */
  get data(): Pick<
    PageData,
    "counts" | "texts" | "lines" | "outcomes" | "stageNames" | "reasons" | "packets" | "drops"
  > {
    this.#drops.packet = this.#dropped.map((id) => this.#rows.get(id) ?? NONE);
    return {
      counts: { packets: this.#packetCount, calls: this.#callCount, drops: this.#dropCount },
      texts: this.#texts.all,
      lines: this.#lines,
      outcomes: this.#outcomes.all as Outcome["type"][],
      stageNames: STAGES,
      reasons: this.#reasons,
      packets: this.#packets,
      drops: this.#drops,
    };
  }

  /** The calls of all packets. */
  get calls(): Uint8Array<ArrayBuffer> {
    return this.#calls.bytes;
  }

  /** What of the trace is not in the page, in numbers. */
  get leftOut(): PageLimits {
    return {
      packets: this.#packetCount - this.#packets.number.length,
      calls: this.#callCount - this.#keptCalls,
      drops: this.#dropCount - this.#drops.time.length,
    };
  }

  /** The first event. @param time nanoseconds of CLOCK_MONOTONIC, from which the page counts */
  begin(time: bigint): void {
    this.#start = time;
  }

  /** A packet's way is over. */
  packet(journey: Journey): void {
    this.#packetCount++;
    const { calls } = journey;
    const steps = calls === undefined ? 0 : Math.ceil(calls.length / 2);
    this.#callCount += steps + (calls?.omitted ?? 0);
    const to = this.#packets;
    if (to.number.length >= this.#limits.packets) return;
    this.#rows.set(journey.id, to.number.length);
    to.number.push(journey.number);
    to.parent.push(journey.parent === null ? 0 : journey.parentNumber ?? NONE);
    to.begin.push(this.#since(journey.begin));
    to.duration.push(journey.duration);
    to.text.push(this.#texts.of(packetText(journey)));
    to.place.push(this.#texts.of(placeText(journey.vif, journey.device)));
    to.outcome.push(this.#texts.of(outcomeText(journey.outcome)));
    to.type.push(this.#outcomes.of(journey.outcome.type));
    to.tone.push(toneOf(colourOf(journey.outcome)));
    to.incomplete.push(journey.isIncomplete ? 1 : 0);
    to.stages.push(journey.stages.length);
    for (const { name, duration } of journey.stages) {
      to.stage.push(STAGES.indexOf(name));
      to.stageTime.push(duration);
    }
    const lines = wayOf(journey, { time: () => "", hints: hintsFor });
    to.lines.push(lines.length);
    for (const { text, colour } of lines) to.line.push(this.#line(text, toneOf(colour)));
    this.#addCalls(journey, steps);
  }

  /**
   * A packet is dropped.
   *
   * @param id of the packet
   * @param fn index of the function; -1 outside of all functions
   */
  drop({ reason, by, drop }: DropFacts, time: bigint, id: number, fn: number): void {
    this.#dropCount++;
    const to = this.#drops;
    if (to.time.length >= this.#limits.drops) return;
    to.time.push(this.#since(time));
    to.fn.push(fn);
    this.#dropped.push(id);
    if (drop === null) {
      const label = by === "kernel" ? `kernel: ${reason}` : reason;
      to.reason.push(this.#reason({ label, class: "unknown" }));
      to.vif.push(NONE);
      to.nexthop.push(NONE);
      to.text.push(NONE);
      return;
    }
    const vif = vifText(drop);
    const { nexthop } = drop;
    to.reason.push(this.#reason({ label: reasonText(drop), class: drop.reason.class }));
    to.vif.push(vif === "" ? NONE : this.#texts.of(vif));
    to.nexthop.push(
      nexthop === null ? NONE : this.#texts.of(printable(`nh ${nexthop.id} ${nexthop.type}`)),
    );
    const words = [drop.length === 0 ? "" : packetText(drop), ...detailsOf(drop)];
    to.text.push(this.#texts.of(words.filter((text) => text !== "").join("  ")));
  }

  #addCalls({ calls, begin }: Journey, steps: number): void {
    const to = this.#packets;
    const hasRoom = this.#keptCalls + steps <= this.#limits.calls;
    if (calls === undefined || calls.length === 0 || !hasRoom) {
      to.calls.push(0);
      to.callBytes.push(0);
      to.firstCall.push(this.#since(begin));
      to.callsOmitted.push(steps + (calls?.omitted ?? 0));
      return;
    }
    const { count, bytes, first } = this.#calls.add(calls);
    this.#keptCalls += count;
    to.calls.push(count);
    to.callBytes.push(bytes);
    to.firstCall.push(this.#since(first));
    to.callsOmitted.push(calls.omitted);
  }

  #line(text: string, tone: number): number {
    const line = this.#lineKeys.of(`${tone} ${text}`);
    if (line === this.#lines.length) this.#lines.push([this.#texts.of(text), tone]);
    return line;
  }

  #reason(row: ReasonRow): number {
    const reason = this.#reasonKeys.of(`${row.class} ${row.label}`);
    if (reason === this.#reasons.length) this.#reasons.push(row);
    return reason;
  }

  #since(time: bigint): number {
    const since = time - (this.#start ?? time);
    return Number(since > MAX_NS ? MAX_NS : since < -MAX_NS ? -MAX_NS : since);
  }
}

function toneOf(colour: string | null): number {
  return TONES.indexOf(TONE_OF[colour ?? ""] ?? "plain");
}
