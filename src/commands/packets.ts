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
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import type { Journey } from "../trace/journey.ts";
import { PacketPrinter } from "./packet_output.ts";
import { followPackets } from "./packet_follower.ts";
import { startPackets } from "./packet_setup.ts";
import { packetView } from "./packet_views.ts";
import { record } from "./record.ts";
import { session, type TraceSignals } from "./session.ts";

/**
 * Shows packets until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runPackets(
  options: PacketsOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  return await session(options, log, signals, async (around) => {
    return await startPackets(options, callOptions(options), filter, readObject, around);
  }, async (started, around) => {
    const { trace: { tracer, functions }, output } = started;
    const printer = new PacketPrinter({
      to: output,
      follow: (receive) => followPackets({ ...started, ...options, functions }, receive),
      view: (writer) =>
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
      wanted: (journey) => isWanted(options, journey),
      log,
    });
    return await record({
      tracer,
      printer,
      turn: started.turn,
      options,
      signals,
      around,
      summary: (overhead) => summarizePackets(printer.counts, tracer.counts(), overhead),
    });
  });
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
