/**
 * `vrft export`: a recording in the format of another program.
 *
 * @module
 */

import type { ExportOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { FileSpool } from "../output/spool.ts";
import { EXPORTS } from "../output/views.ts";
import type { Format } from "../output/view.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { chosenRecords } from "../trace/chosen_records.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { recordedOrigin } from "./origins.ts";
import { journeySources } from "./replay_packets.ts";
import { ALL_PACKETS, Replay } from "./replay.ts";
import { choiceOf, logSummary, tellAbsent } from "./replay_trace.ts";
import type { TraceSignals } from "./session.ts";
import { openOutput, Printer, requireNoTerminal } from "./trace_output.ts";

/**
 * Writes the recording.
 *
 * @param filter those of the options, compiled
 * @returns exit status
 * @throws {Failure} if it cannot be read or written
 */
export async function runExport(
  options: ExportOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
): Promise<number> {
  const format: Format = EXPORTS[options.format];
  requireNoTerminal(options.output, format);
  const about = { ...ALL_PACKETS, output: options.output };
  using replay = await Replay.open(options.from, about, log, signals);
  replay.describe(log);
  tellAbsent(replay, options, log);
  using resources = new DisposableStack();
  const output = resources.use(await openOutput(options.output, log, replay.signals.stop));
  const { vrouter } = replay.enums;
  const reasons = dropReasons(vrouter);
  const printer = new Printer(output, format, replay.functions, log, {
    limit: null,
    conditional: replay.conditional,
    reasons: (number) => reasons.reason(number).label,
    clock: replay.now,
    more: {
      origin: recordedOrigin(replay),
      sightings: options.sightings,
      journeys: journeySources(replay),
      calls: options.calls,
      missing: () => replay.missing,
      spool: () => resources.use(new FileSpool()),
    },
  });
  const choice = choiceOf(format, replay, options, true);
  const status = await replay.run(chosenRecords(printer, choice), printer, filter, log);
  logSummary(printer, replay, log);
  return status;
}
