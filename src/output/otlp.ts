/**
 * The packets of a trace as spans, for OpenTelemetry: one ExportTraceServiceRequest in protobuf, which is what
 * receivers take at /v1/traces. `otlp/spans.ts` says what is in it.
 *
 * @module
 */

import type { Incomplete, PacketDetails, Step } from "../trace/events.ts";
import { Journeys, type JourneySources } from "../trace/journeys.ts";
import { dropFacts } from "./drop_facts.ts";
import type { LineWriter } from "./line_writer.ts";
import { TraceIds } from "./otlp/ids.ts";
import { resourceOf } from "./otlp/resource.ts";
import { SpanWriter } from "./otlp/spans.ts";
import {
  type Format,
  journeySourcesOf,
  missingText,
  type OutputView,
  type TraceContext,
  UNKNOWN_ORIGIN,
} from "./view.ts";

/** The format's entry in the list. */
export const OTLP: Format = {
  packets: true,
  drops: true,
  kernelDrops: true,
  decisions: true,
  isBinary: true,
  open: (writer, context) => new OtlpView(writer, context),
};

/** Spans that are written at once, so that little is kept. */
const SPANS_AT_ONCE = 512;

/** Writes the spans of a packet when it ends. */
class OtlpView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #spans: SpanWriter;
  readonly #journeys: Journeys;
  readonly #context: TraceContext;
  readonly #drop: JourneySources["drop"];
  /** Whether the drop at hand is the end of a journey. */
  #isOfJourney = false;

  constructor(writer: LineWriter, context: TraceContext) {
    const { origin = UNKNOWN_ORIGIN, functions, calls = false } = context;
    const missing = missingText(context);
    this.#writer = writer;
    this.#spans = new SpanWriter({
      resource: resourceOf({
        ...origin,
        more: missing === "" ? [] : [["vrouter.missing", missing]],
      }),
      // The same for each export of a recording: receivers then have each packet once.
      ids: new TraceIds(`${origin.host} ${origin.wallOffset}`),
      wallOffset: () => origin.wallOffset,
      functions,
    });
    const sources = context.journeys ?? journeySourcesOf(origin);
    this.#context = context;
    this.#drop = sources.drop;
    this.#journeys = new Journeys(
      functions,
      {
        ...sources,
        drop: (record) => {
          this.#isOfJourney = true;
          return sources.drop(record);
        },
      },
      (journey) => {
        this.#spans.journey(journey);
        if (this.#spans.count >= SPANS_AT_ONCE) this.#write();
      },
      { calls },
    );
  }

  begin(): number {
    return 0;
  }

  lost(ahead: number): void {
    this.#journeys.lost(ahead);
  }

  enter(step: Readonly<Step>): void {
    this.#journeys.enter(step);
  }

  leave(step: Readonly<Step>): void {
    this.#journeys.leave(step);
  }

  abandon(step: Readonly<Step>, why: Incomplete): void {
    this.#journeys.abandon(step, why);
  }

  orphan(): void {}

  packet(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#journeys.packet(step, details);
  }

  copied(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#journeys.copied(step, details);
  }

  decided(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#journeys.decided(step, details);
  }

  dropped(step: Readonly<Step>, details: Readonly<PacketDetails>): void {
    this.#isOfJourney = false;
    this.#journeys.dropped(step, details);
    if (this.#isOfJourney) return;
    // By the kernel, in front of vrouter or behind it.
    const { record } = dropFacts(details, this.#context);
    const drop = this.#drop(record);
    if (drop === null || drop.reason.class === "housekeeping") return;
    this.#spans.drop(drop, this.#context.packets.number(step.packet));
  }

  ended(step: Readonly<Step>): void {
    this.#journeys.ended(step);
  }

  *end(): Generator<void, void, undefined> {
    this.#journeys.finish();
    this.#write();
    yield;
  }

  #write(): void {
    this.#writer.bytes(this.#spans.take());
  }
}
