/**
 * `vrft --from`: the trace of a recording.
 *
 * @module
 */

import type { TraceOptions } from "../cli/invocation.ts";
import { VROUTER } from "../kernel/functions.ts";
import { matcher } from "../kernel/glob.ts";
import type { Log } from "../output/log.ts";
import { summarize } from "../output/summary.ts";
import type { Format } from "../output/view.ts";
import { formatOf } from "../output/views.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { RecordedFunction } from "../recording/sections.ts";
import { chosenRecords, type RecordChoice } from "../trace/chosen_records.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { printable } from "../sys/printable.ts";
import { isColoured } from "./colour.ts";
import { recordedOrigin } from "./origins.ts";
import { Replay } from "./replay.ts";
import type { TraceSignals } from "./session.ts";
import { globs } from "./trace_targets.ts";
import { openOutput, Printer, requireNoTerminal } from "./trace_output.ts";

/**
 * Prints the trace.
 *
 * @param path of the recording; `-` for stdin
 * @param filter those of the options, compiled
 * @returns exit status
 * @throws {Failure} if it cannot be read
 */
export async function replayTrace(
  path: string,
  options: TraceOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
): Promise<number> {
  using replay = await Replay.open(path, options, log, signals);
  replay.describe(log);
  tellAbsent(replay, options, log);
  const format = formatOf(options);
  requireNoTerminal(options.output, format);
  const { functions } = replay;
  const results = replay.resultsFor(options.show);
  const reasons = dropReasons(replay.enums.vrouter);
  using output = await openOutput(options.output, log, replay.signals.stop);
  const printer = new Printer(output, format, functions, log, {
    limit: options.limit,
    conditional: replay.conditional,
    reasons: (number) => reasons.reason(number).label,
    shown: {
      items: new Set(options.show),
      colour: !options.plain && isColoured(options.color, options.output),
      results,
      isVrouter: functions.map(({ module }) => module === VROUTER),
      vifs: replay.vifs,
    },
    clock: replay.now,
    numbers: replay.numbers,
    more: {
      origin: recordedOrigin(replay),
      sightings: options.sightings,
      missing: () => replay.missing,
    },
  });
  const choice = choiceOf(format, replay, options);
  const status = await replay.run(chosenRecords(printer, choice), printer, filter, log);
  logSummary(printer, replay, log);
  return status;
}

/** Logs which functions that the user has named have no calls in the recording: nothing is shown of them. */
export function tellAbsent(
  { functions }: Pick<Replay, "functions">,
  options: Pick<TraceOptions, "functions" | "excludes" | "sightings">,
  log: Log,
): void {
  const isChosen = chosenFunctions(functions, options.functions, options.excludes);
  if (isChosen !== null && !isChosen.includes(true)) {
    log.info(`The recording has no calls of a function that matches ${globs(options)}`);
  }
  const called = new Set(
    functions.filter((_, fn) => isChosen?.[fn] ?? true).map(({ name }) => name),
  );
  for (const name of options.sightings.functions) {
    if (!called.has(name)) {
      log.info(`No packets in calls of "${printable(name)}" (--at): no such call is shown`);
    }
  }
}

/** Logs what was shown, and what the trace lost. */
export function logSummary(printer: Printer, { counts }: Replay, log: Log): void {
  log.info(summarize(printer.shown, counts, null, null));
}

/**
 * What a trace in this format would have recorded.
 *
 * @param flows whether drops tell the flows of their packets; by default as that trace would
 */
export function choiceOf(
  { packets, drops, kernelDrops, decisions }: Pick<
    Format,
    "packets" | "drops" | "kernelDrops" | "decisions"
  >,
  { conditional, functions }: Pick<Replay, "conditional" | "functions">,
  { functions: globs, excludes }: Pick<TraceOptions, "functions" | "excludes">,
  flows = decisions ?? false,
): RecordChoice {
  return {
    packets: packets || conditional,
    drops,
    kernelDrops: kernelDrops ?? false,
    decisions: decisions ?? false,
    flows,
    functions: chosenFunctions(functions, globs, excludes),
  };
}

function chosenFunctions(
  functions: readonly RecordedFunction[],
  globs: readonly string[],
  excludes: readonly string[],
): boolean[] | null {
  if (globs.length === 0 && excludes.length === 0) return null;
  const isChosen = globs.length === 0 ? () => true : matcher(globs);
  const isExcluded = excludes.length === 0 ? () => false : matcher(excludes);
  return functions.map(({ name }) => isChosen(name) && !isExcluded(name));
}
