/**
 * The trace as one page for a browser, which needs nothing else: packets with their decisions and calls, times of
 * stages, drops, and a flame graph. `src/page` is the program in it, which scripts/build makes
 * `build/page.html` of; this adds the data.
 *
 * What a browser opens within a second or two is bounded, and so is the memory that the data take here. The page says
 * what it does not have.
 *
 * @module
 */

import { amount, countsInWords } from "../sys/amount.ts";
import { printable } from "../sys/printable.ts";
import type { Incomplete, PacketDetails, Step } from "../trace/events.ts";
import type { Journey } from "../trace/journey.ts";
import { Journeys } from "../trace/journeys.ts";
import { StageStatistics } from "../trace/stage_statistics.ts";
import { WAITS } from "../vrouter/stages.ts";
import { Chains } from "./chains.ts";
import { dropFacts } from "./drop_facts.ts";
import { base64Chunks, compressed } from "./html/block.ts";
import { Collector, type PageLimits } from "./html/collector.ts";
import { PAGE_VERSION, type PageData, type StageRow } from "./html/page_data.ts";
import type { LineWriter } from "./line_writer.ts";
import { hasEnded } from "./packets/words.ts";
import {
  type Format,
  journeySourcesOf,
  type Origin,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** The format's entry in the list. */
export const HTML: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  decisions: true,
  durations: true,
  isBinary: true,
  open: (writer, context) => new HtmlView(writer, context),
};

const LIMITS: PageLimits = { packets: 100_000, calls: 1_000_000, drops: 100_000 };
/** Stands in the page where its data go. */
const PLACE = "VRFT-DATA";

/** Collects the trace, and writes it at the end. */
class HtmlView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #context: TraceContext;
  readonly #origin: Origin;
  readonly #collector = new Collector(LIMITS);
  readonly #statistics = new StageStatistics();
  readonly #chains = new Chains();
  readonly #journeys: Journeys;
  #first: bigint | null = null;
  #low = 0;
  #high = 0;
  /** Calls of the trace that were closed without their return. */
  #abandoned = 0;
  #incomplete = 0;
  #losses = 0;
  #firstLoss = 0;

  constructor(writer: LineWriter, context: TraceContext) {
    this.#writer = writer;
    this.#context = context;
    this.#origin = context.origin ?? UNKNOWN_ORIGIN;
    const sources = context.journeys ?? journeySourcesOf(this.#origin);
    const told = (journey: Journey): void => this.#told(journey);
    this.#journeys = new Journeys(context.functions, sources, told, { calls: true });
  }

  begin(): number {
    return 0;
  }

  lost(ahead: number): void {
    if (this.#losses++ === 0) this.#firstLoss = this.#now();
    this.#journeys.lost(ahead);
  }

  enter(step: Readonly<Step>): void {
    this.#see(step);
    this.#chains.enter(step);
    this.#journeys.enter(step);
  }

  leave(step: Readonly<Step>): void {
    this.#see(step);
    this.#chains.leave(step);
    this.#journeys.leave(step);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#see(step);
    if (why === "return lost") this.#abandoned++;
    this.#chains.abandon(step);
    this.#journeys.abandon(step, why);
  }

  orphan(): void {}

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#see(step);
    this.#journeys.packet(step, details);
  }

  copied(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#see(step);
    this.#journeys.copied(step, details);
  }

  decided(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#see(step);
    this.#journeys.decided(step, details);
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#see(step);
    const facts = dropFacts(details, this.#context);
    this.#collector.drop(facts, timeOf(step), details.id, step.fn);
    this.#journeys.dropped(step, details);
  }

  ended(step: Readonly<Step>): void {
    this.#see(step);
    this.#journeys.ended(step);
  }

  async *end(): AsyncGenerator<void, void, undefined> {
    this.#journeys.finish();
    // In the bundle it is read when it is asked for.
    const page = new TextDecoder().decode((await import("./html/page_file.ts")).default);
    const place = page.indexOf(PLACE);
    this.#writer.text(page.slice(0, place));
    yield;
    const json = new TextEncoder().encode(JSON.stringify(this.#data()));
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, json.length, true);
    for await (const text of base64Chunks(compressed([head, json, this.#collector.calls]))) {
      this.#writer.text(text);
      yield;
    }
    this.#writer.text(page.slice(place + PLACE.length));
  }

  #see(step: Readonly<Step>): void {
    this.#low = step.low;
    this.#high = step.high;
    if (this.#first !== null) return;
    this.#first = timeOf(step);
    this.#collector.begin(this.#first);
  }

  #told(journey: Journey): void {
    if (hasEnded(journey)) this.#statistics.add(journey);
    if (journey.isIncomplete) this.#incomplete++;
    this.#collector.packet(journey);
  }

  /** Nanoseconds since the first event. */
  #now(): number {
    if (this.#first === null) return 0;
    return Math.max(0, Number(timeOf({ low: this.#low, high: this.#high }) - this.#first));
  }

  #data(): PageData {
    const { host, kernel, program, wallOffset } = this.#origin;
    const isKnown = wallOffset !== 0n && this.#first !== null;
    const chains = [...this.#chains.all()];
    return {
      version: PAGE_VERSION,
      program: printable(program),
      host: printable(host),
      kernel: printable(kernel),
      start: isKnown ? Number((this.#first! + wallOffset) / 1000n) / 1000 : null,
      duration: this.#now(),
      missing: [...this.#missing()],
      functions: this.#context.functions.map(printable),
      ...this.#collector.data,
      stages: this.#stages(),
      flame: {
        fn: chains.map(({ fn }) => fn),
        depth: chains.map(({ depth }) => depth),
        self: chains.map(({ self }) => self),
        calls: chains.map(({ calls }) => calls),
      },
    };
  }

  #stages(): StageRow[] {
    const { stages, histograms, total, histogram } = this.#statistics;
    if (total.count === 0) return [];
    const rows = [...stages].map(([name, times]) => ({
      name,
      isWait: WAITS.has(name),
      times,
      histogram: histograms.get(name)!,
    }));
    return [...rows, { name: "total", isWait: false, times: total, histogram }];
  }

  /** What is missing, in the words of the summary of a trace. */
  *#missing(): Generator<string, void, undefined> {
    const told = this.#context.missing?.();
    if (told !== undefined) yield* told.map(printable);
    if (this.#losses > 0) {
      const when = `${(this.#firstLoss / 1e9).toFixed(3)} s`;
      yield this.#losses === 1
        ? `events were lost once, by ${when} after the start`
        : `events were lost ${amount(this.#losses)} times, first by ${when} after the start`;
    }
    const { outOfSight, givenUp, unknown, decisionsOmitted, stagesOmitted, callsOmitted } =
      this.#journeys.totals;
    const { packets, calls, drops } = this.#collector.leftOut;
    const omitted = decisionsOmitted + stagesOmitted + callsOmitted;
    yield* countsInWords([
      [this.#incomplete, "packet", " of which events were lost"],
      [this.#abandoned, "call", " closed without a return"],
      [outOfSight, "packet", " lost from sight"],
      [givenUp, "packet", " given up: too many at once"],
      [unknown, "call", " of packets that were not seen to begin"],
      [omitted, "detail", " left out: too many decisions, stages or calls of a packet"],
      [packets, "packet", " left out: too many for a page"],
      [calls - callsOmitted, "call", " of packets left out: too many for a page"],
      [drops, "drop", " left out: too many for a page"],
    ]);
  }
}

function timeOf({ low, high }: { readonly low: number; readonly high: number }): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
