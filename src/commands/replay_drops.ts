/**
 * `vrft drops --from`: the dropped packets of a recording.
 *
 * @module
 */

import type { DropsOptions } from "../cli/invocation.ts";
import { summarizeDrops } from "../output/drops/summary.ts";
import { summarize } from "../output/summary.ts";
import type { Section } from "../recording/sections.ts";
import type { HeldMessages } from "../output/held_messages.ts";
import type { Log } from "../output/log.ts";
import { MATCH, UNDECIDED } from "../packet/ebpf.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { packetMatches } from "../packet/packet_match.ts";
import type { Drop } from "../trace/drop.ts";
import { dropReasons, reasonFilter } from "../trace/drop_words.ts";
import { chosenRecords } from "../trace/chosen_records.ts";
import { droppedRecords } from "../trace/dropped_records.ts";
import { DropPrinter } from "./drop_output.ts";
import { PATH_FORMAT, pathColours, PathDrops } from "./drop_paths.ts";
import { Reconciliation } from "./drop_reconciliation.ts";
import { comparisonOf, mayHaveMissed } from "./drops.ts";
import { RecordedReadings } from "./recorded_drop_stats.ts";
import { exportOf, Replay } from "./replay.ts";
import { choiceOf } from "./replay_trace.ts";
import type { TraceSignals } from "./session.ts";
import { openOutput, Printer } from "./trace_output.ts";

const NS_PER_MS = 1e6;
/** Comparisons of a time without any record: those beyond are left out, as the next one says the same. */
const MAX_QUIET = 1000;

/**
 * Prints drops.
 *
 * @param path of the recording; `-` for stdin
 * @param filter those of the options, compiled
 * @param messages where the log goes
 * @returns exit status
 * @throws {Failure} if it cannot be read
 */
export async function replayDrops(
  path: string,
  options: DropsOptions,
  filter: PacketFilter | null,
  log: Log,
  messages: HeldMessages,
  signals: TraceSignals,
): Promise<number> {
  using replay = await Replay.open(path, options, log, signals);
  replay.describe(log, options.path);
  if (options.path) return await replayPaths(replay, options, filter, log);
  using exported = await exportOf(options.otlp, replay, "drops", log);
  const { kernel, vrouter } = replay.enums;
  const reasons = dropReasons(vrouter);
  const wanted = options.reasons.length === 0
    ? null
    : reasonFilter(options.reasons, kernel, reasons);
  const isOfAll = filter === null && !replay.choice.isOfSome;
  const stats = isOfAll ? replay.dropStats : null;
  const readings = stats && new RecordedReadings(stats);
  const reconciliation = readings && new Reconciliation(log, {
    read: () => readings.read(),
    lost: () => replay.counts.lost,
    ...comparisonOf(() => printer, reasons, wanted),
    now: () => Math.max(replay.start, replay.now()) / NS_PER_MS,
  }, options.intervalMs);
  const moments = reconciliation && new ComparedMoments(reconciliation, readings!);
  replay.watch = moments;
  if (options.intervalMs !== null && isOfAll && !replay.hasReadings) {
    log.info("This recording has the module's counters of its ends alone: they are compared there");
  }
  reconciliation?.begin();
  using to = await openOutput(options.output, log, replay.signals.stop);
  using printer: DropPrinter = new DropPrinter({
    to,
    // What is over needs no table that changes.
    options: options.format === "auto" ? { ...options, format: "lines" } : options,
    wanted,
    sources: replay.dropSources,
    seen(drop): void {
      reconciliation?.add(drop);
      moments?.add(drop);
    },
    shown: (drop) => exported?.drop(drop),
    beside: exported,
    dry: () => {},
    wallOffset: replay.wallOffset,
    log,
    messages,
  });
  let undecided = 0;
  const status = await replay.run(
    droppedRecords(printer, {
      functions: replay.functions,
      conditional: replay.isConditional,
      lookups: options.lookups,
      // As the programs of drops do, by what the packet is when it is dropped.
      isWanted(bytes, length, record): boolean {
        if (!replay.choice.isDropped(record)) return false;
        const decision = filter === null ? MATCH : packetMatches(filter, bytes, length);
        if (decision === UNDECIDED) undecided++;
        return decision === MATCH;
      },
    }),
    printer,
    null,
    log,
    false,
  );
  replay.tellUndecided(undecided, log);
  // Not if the user has ended it before its end, as the counters are of the whole.
  if (!replay.signals.stop.aborted && !printer.done && !replay.isCut) {
    reconciliation?.end();
    reconciliation?.finish();
  }
  await exported?.finish(replay.signals.cut);
  const { counts } = replay;
  log.info(summarizeDrops(printer.totals, counts, null));
  const isLossy = printer.hasLoss || mayHaveMissed(counts) || (reconciliation?.hasLoss ?? false);
  return options.failOnDrop && isLossy ? 1 : status;
}

/**
 * Compares the drops of a recording with the module's counters now and then, as they were then. The counters are
 * recorded when they have changed, a second later at most.
 */
class ComparedMoments {
  readonly #reconciliation: Reconciliation;
  readonly #readings: RecordedReadings;
  /** Whether there was a drop during the last reading, or since: then another one follows. */
  #isAhead = false;

  constructor(reconciliation: Reconciliation, readings: RecordedReadings) {
    this.#reconciliation = reconciliation;
    this.#readings = readings;
  }

  add({ source }: Pick<Drop, "source">): void {
    this.#isAhead ||= source === "vrouter";
  }

  section({ name, value }: Section): void {
    if (name !== "reading") return;
    this.#isAhead = !this.#readings.moment(value);
    if (this.#reconciliation.isDue) this.#compare();
    this.#readings.pass();
  }

  time(): void {
    for (let times = 0; this.#reconciliation.isDue && !this.#isAhead; times++) {
      if (times === MAX_QUIET) return this.#reconciliation.postpone();
      this.#readings.same();
      this.#compare();
    }
  }

  #compare(): void {
    this.#reconciliation.turn();
    this.#reconciliation.dry();
  }
}

/** The calls that led to each drop. */
async function replayPaths(
  replay: Replay,
  options: DropsOptions,
  filter: PacketFilter | null,
  log: Log,
): Promise<number> {
  const { kernel, vrouter } = replay.enums;
  const reasons = dropReasons(vrouter);
  const drops = new PathDrops(options, {
    kernel,
    vrouter,
    reasons,
    conditional: replay.conditional,
    moduleBtf: () => null,
  });
  using output = await openOutput(options.output, log, replay.signals.stop);
  const printer = new Printer(output, PATH_FORMAT, replay.functions, log, {
    limit: null,
    drops,
    reasons: (number) => reasons.reason(number).label,
    kernelReasons: (number) => drops.kernelReason(number).label,
    shown: pathColours(options, replay.functions),
    clock: replay.now,
  });
  const choice = choiceOf(PATH_FORMAT, replay, { functions: [], excludes: [] });
  const status = await replay.run(chosenRecords(printer, choice), printer, filter, log);
  const { counts } = replay;
  log.info(`${drops.summary}; ${summarize(printer.shown, counts, null, null)}`);
  return options.failOnDrop && (drops.hasLoss || mayHaveMissed(counts)) ? 1 : status;
}
