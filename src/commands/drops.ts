/**
 * `vrft drops`: dropped packets, and why.
 *
 * @module
 */

import type { DropsOptions } from "../cli/invocation.ts";
import type { DescribedKernel } from "../kernel/sources.ts";
import { summarizeDrops } from "../output/drops/summary.ts";
import type { HeldMessages } from "../output/held_messages.ts";
import type { Log } from "../output/log.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import type { Drop, DropReason } from "../trace/drop.ts";
import { loadDropTracer } from "../trace/drop_tracer.ts";
import { dropReasons, reasonFilter } from "../trace/drop_words.ts";
import type { DropCounters } from "../trace/reconcile.ts";
import type { TraceCounts, Tracer } from "../trace/tracer.ts";
import {
  DROP_STATS_MESSAGE,
  type DropCounterFields,
  dropCounterFields,
} from "../vrouter/drop_stats.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { withAdvice } from "./advice.ts";
import { namesOf } from "./vif_owners.ts";
import { dropSources } from "./drop_sources.ts";
import { readDropCounters } from "./drop_counters.ts";
import type { Build, DropMetrics } from "./drop_metrics.ts";
import { DropPrinter } from "./drop_output.ts";
import { Reconciliation, type ReconciliationSources } from "./drop_reconciliation.ts";
import { record } from "./record.ts";
import { session, type Surroundings, type TraceSignals } from "./session.ts";
import { noOutput, openOutput, type Output } from "./trace_output.ts";
import {
  announceSelection,
  commonTracerOptions,
  followVifs,
  readKernelBtf,
  type Selection,
  selectPackets,
  userOf,
} from "./trace_setup.ts";

/**
 * Shows drops until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param build what this program was built from
 * @param messages where the log goes, to be held while the terminal shows a table
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runDrops(
  options: DropsOptions,
  filter: PacketFilter | null,
  build: Build,
  log: Log,
  messages: HeldMessages,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  const otlp = options.otlp === null ? null : await import("./otlp_export.ts");
  const open = otlp?.prepareExport(options.otlp!);
  return await session(options, log, signals, async (around) => {
    const names = await namesOf(options.agent, around);
    const ready = await prepare(options, filter, build, readObject, around);
    const refused = await ready.tracer.attach({ report: () => {}, ...userOf(log, signals.stop) });
    for (const { name, reason } of refused) log.debug(`Skipped ${name}: ${reason}`);
    return { ...ready, names };
  }, async (ready, around) => {
    const { tracer, selection, reasons, wanted, metrics, names } = ready;
    // Where only some packets are traced, the counters are of others, too.
    const isPartial = !options.vrouter || filter !== null || selection.conditions !== null ||
      options.interfaces.length > 0;
    const vifs = (): readonly Vif[] => around.vifWatch?.vifs ?? [];
    const read = (): DropCounters =>
      readDropCounters(vifs().map(({ index }) => index), ready.counters);
    const reconciliation = isPartial ? null : new Reconciliation(log, {
      read,
      lost: () => tracer.events().lost,
      ...comparisonOf(() => printer, reasons, wanted),
      now: () => performance.now(),
    }, options.textfile === null ? options.intervalMs : null);
    using exported = open?.({ ...otlp!.liveSources(build.version), functions: [], names, log }) ??
      null;
    using printer: DropPrinter = new DropPrinter({
      to: ready.output,
      options,
      wanted,
      sources: dropSources(ready.described, ready.selection.namespaces, around),
      seen(drop): void {
        reconciliation?.add(drop);
        if (metrics !== null && (wanted === null || wanted(drop))) metrics.add(drop);
      },
      shown: (drop) => exported?.drop(drop),
      dry: () => reconciliation?.dry(),
      log,
      messages,
    });
    const status = await record({
      tracer,
      printer,
      options,
      signals,
      around,
      // Whoever reads the metrics would take those of a module that is gone for ones without drops.
      endsWithModule: metrics !== null,
      companion: {
        begin(): void {
          reconciliation?.begin();
          const module = options.vrouter ? read : null;
          metrics?.begin({ tracer, vifs, module, damaged: () => printer.totals.damaged });
        },
        turn(): void {
          reconciliation?.turn();
          metrics?.turn();
          printer.turn();
          exported?.turn();
        },
        end(): void {
          metrics?.end();
          reconciliation?.end();
          printer.end();
        },
        quit: printer.quit,
        watched: printer.watched,
      },
      flush: async () =>
        void await Promise.all([exported?.finish(signals.cut), metrics?.finish(signals.cut)]),
      summary(overhead): string {
        reconciliation?.finish();
        return summarizeDrops(printer.totals, tracer.counts(), overhead);
      },
    });
    const isLossy = printer.hasLoss || mayHaveMissed(tracer.counts()) ||
      (reconciliation?.hasLoss ?? false);
    return options.failOnDrop && isLossy ? 1 : status;
  });
}

/** Everything a trace of drops starts with. */
interface Ready {
  readonly tracer: Tracer;
  readonly output: Output;
  readonly selection: Selection;
  readonly described: DescribedKernel;
  readonly reasons: DropReasons;
  readonly counters: DropCounterFields;
  /** Whether a drop has one of the reasons to show; `null` for all. */
  readonly wanted: ((drop: Pick<Drop, "source" | "reason">) => boolean) | null;
  /** `null` unless they are asked for. */
  readonly metrics: DropMetrics | null;
}

/** Whether there may have been drops of which no record was read. */
export function mayHaveMissed(
  { lost, missed, removed, unread }: Pick<TraceCounts, "lost" | "missed" | "removed" | "unread">,
): boolean {
  return lost + missed + removed + unread > 0;
}

/** Selects what to trace, and loads the programs. */
async function prepare(
  options: DropsOptions,
  filter: PacketFilter | null,
  build: Build,
  readObject: ObjectReader,
  around: Surroundings,
): Promise<Ready> {
  const { log, stop, resources } = around;
  const selection = selectPackets(options, around);
  const described = await readKernelBtf(options, log);
  const { kernel, vrouter } = described;
  const reasons = dropReasons(vrouter);
  const counters = dropCounterFields(vrouter?.memberNames(DROP_STATS_MESSAGE) ?? []);
  const wanted = options.reasons.length === 0
    ? null
    : reasonFilter(options.reasons, kernel, reasons);
  announceSelection(selection, options, log);
  const hasMetrics = options.listen !== null || options.textfile !== null || options.otlp !== null;
  const metrics = !hasMetrics ? null : resources.use(await openMetrics(options, log, build));
  const output = resources.use(
    options.format === "none" ? noOutput() : await openOutput(options.output, log, stop),
  );
  try {
    const tracer = await loadDropTracer({
      ...commonTracerOptions(options, selection, filter, output, around),
      readObject,
      kernel,
      vrouter,
      lookups: options.lookups,
    });
    followVifs(tracer, options, selection, around);
    return {
      tracer: resources.use(tracer),
      output,
      selection,
      described,
      reasons,
      counters,
      wanted,
      metrics,
    };
  } catch (error) {
    throw withAdvice(error, options.bufferBytes, Deno.readTextFileSync("/proc/self/status"));
  }
}

/** Loads what metrics need, which other traces of drops do not. */
async function openMetrics(
  options: DropsOptions,
  log: Log,
  build: Build,
): Promise<DropMetrics> {
  const { DropMetrics } = await import("./drop_metrics.ts");
  return new DropMetrics(options, log, build);
}

/** How a comparison with the module's counters names reasons, and where it is shown. */
export function comparisonOf(
  printer: () => Pick<DropPrinter, "reconciled" | "isTable">,
  reasons: DropReasons,
  wanted: Ready["wanted"],
): Pick<ReconciliationSources, "reason" | "show" | "isWanted"> {
  return {
    reason: (name) => reasonNamed(name, reasons),
    show(counters): boolean {
      printer().reconciled(counters);
      return printer().isTable;
    },
    isWanted: (reason) => wanted?.({ source: "vrouter", reason }) ?? true,
  };
}

/** A reason that may be unknown to the module's enum. */
function reasonNamed(name: string, reasons: DropReasons): DropReason {
  const known = reasons.named(name);
  if (known === undefined) return { number: -1, name, label: name, class: "unknown" };
  const { number, label, class: kind } = known;
  return { number, name: known.name, label, class: kind };
}
