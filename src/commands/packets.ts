/**
 * `vrft packets`: the way of each packet through vrouter, and how long it took.
 *
 * @module
 */

import {
  ALL_SIGHTINGS,
  type CaptureOptions,
  type PacketsOptions,
  type TraceOptions,
} from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { summarizePackets } from "../output/packets/summary.ts";
import type { PacketView } from "../output/packets/view.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import type { Journey } from "../trace/journey.ts";
import { PacketPrinter } from "./packet_output.ts";
import type { OtlpExport, PacketChoice } from "./otlp_export.ts";
import { namesOf } from "./vif_owners.ts";
import { followPackets } from "./packet_follower.ts";
import { startPackets } from "./packet_setup.ts";
import { packetView } from "./packet_views.ts";
import { record } from "./record.ts";
import { session, type TraceSignals } from "./session.ts";

/**
 * Shows packets until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param version of vrft
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runPackets(
  options: PacketsOptions,
  filter: PacketFilter | null,
  version: string,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  const otlp = options.otlp === null ? null : await import("./otlp_export.ts");
  const open = otlp?.prepareExport(options.otlp!);
  return await session(options, log, signals, async (around) => {
    const names = await namesOf(options.agent, around);
    const started = await startPackets(options, callOptions(options), filter, readObject, around);
    return { ...started, names };
  }, async (started, around) => {
    const { trace: { tracer, functions }, output } = started;
    using exported = open?.({
      ...otlp!.liveSources(version),
      functions: functions.map(({ name }) => name),
      names: started.names,
      log,
    }) ?? null;
    const printer = new PacketPrinter({
      to: output,
      follow: (receive) => followPackets({ ...started, ...options, functions }, receive),
      view: (writer) =>
        alsoTo(
          exported,
          options,
          packetView(
            options,
            {
              functions,
              results: started.results,
              reasons: (number) => started.reasons.reason(number).label,
              vifs: () => around.vifWatch?.vifs ?? [],
            },
            writer,
            log,
          ),
        ),
      wanted: (journey) => isWanted(options, journey),
      log,
    });
    return await record({
      tracer,
      printer,
      turn(): void {
        started.turn();
        exported?.turn();
      },
      flush: async () => await exported?.finish(signals.cut),
      options,
      signals,
      around,
      summary: (overhead) => summarizePackets(printer.counts, tracer.counts(), overhead),
    });
  });
}

/** A view of packets that are sent, too. */
export function alsoTo(
  exported: OtlpExport | null,
  choice: PacketChoice,
  view: PacketView,
): PacketView {
  if (exported === null) return view;
  return {
    get isFull() {
      return view.isFull;
    },
    packet(journey, isWanted): void {
      exported.journey(journey, isWanted, choice);
      view.packet(journey, isWanted);
    },
    finish: () => view.finish(),
  };
}

/** Whether a packet took as long as the user wants. */
export function isWanted(
  { slower, stages }: Pick<PacketsOptions, "slower" | "stages">,
  journey: Pick<Journey, "duration" | "stages">,
): boolean {
  if (slower !== null && journey.duration < slower) return false;
  if (stages.length === 0) return true;
  return stages.some(({ stage, least }) => timeIn(journey, stage) >= least);
}

/** A packet may be in a stage several times. */
function timeIn({ stages }: Pick<Journey, "stages">, stage: string): number {
  return stages.reduce((sum, { name, duration }) => name === stage ? sum + duration : sum, 0);
}

/** Options of a trace of all calls; `null` without `--calls`. */
function callOptions(options: PacketsOptions): TraceOptions | null {
  if (!options.calls) return null;
  const capture: CaptureOptions & Pick<TraceOptions, "show"> = options;
  return {
    ...capture,
    functions: [],
    excludes: [],
    sample: 1,
    format: "text",
    sightings: ALL_SIGHTINGS,
    plain: false,
    color: "never",
  };
}
