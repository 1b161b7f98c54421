/**
 * `vrft`: the trace, from selecting what to trace to the summary.
 *
 * @module
 */

import type { TraceOptions } from "../cli/invocation.ts";
import type { Btf } from "../kernel/btf.ts";
import { decisionOffsets } from "../kernel/decision_offsets.ts";
import { dropOffsets } from "../kernel/drop_offsets.ts";
import { VROUTER } from "../kernel/functions.ts";
import { type ResultType, resultTypes } from "../kernel/result_type.ts";
import { numberedModules } from "../kernel/sources.ts";
import type { Log } from "../output/log.ts";
import { summarize } from "../output/summary.ts";
import type { Format } from "../output/view.ts";
import { formatOf } from "../output/views.ts";
import type { Conditions } from "../packet/conditions.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { type Companion, type ObjectReader, together } from "../probe/backend.ts";
import { decisionProbes } from "../probe/decision_probes.ts";
import { kernelDropProbes } from "../probe/kernel_drops.ts";
import type { Target } from "../probe/target.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { Tracer } from "../trace/tracer.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { withAdvice } from "./advice.ts";
import { isColoured } from "./colour.ts";
import { liveOrigin } from "./origins.ts";
import { record } from "./record.ts";
import { session, type Surroundings, type TraceSignals } from "./session.ts";
import { openOutput, type Output, Printer, requireNoTerminal } from "./trace_output.ts";
import {
  announceSelection,
  attach,
  commonTracerOptions,
  followVifs,
  readKernel,
  requireOffsets,
  type Selection,
  selectPackets,
} from "./trace_setup.ts";
import { findTargets, requireTraced } from "./trace_targets.ts";

/**
 * Traces until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param version of vrft
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runTrace(
  options: TraceOptions,
  filter: PacketFilter | null,
  version: string,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  requireNoTerminal(options.output, formatOf(options));
  return await session(options, log, signals, async (around) => {
    const ready = await prepareTrace(options, formatOf(options), filter, readObject, around);
    await attach(ready.tracer, ready.targets.length, around);
    return ready;
  }, async (ready, around) => {
    const { tracer, output, targets, conditions, reasons, results } = ready;
    // What text does not have.
    const more = options.format === "text" ? {} : {
      more: {
        origin: liveOrigin(version, ready, ready.selection, around),
        sightings: options.sightings,
      },
    };
    const printer = new Printer(output, formatOf(options), targets, log, {
      limit: options.limit,
      conditional: conditions !== null,
      reasons: (number) => reasons.reason(number).label,
      shown: {
        items: new Set(options.show),
        colour: !options.plain && isColoured(options.color, options.output),
        results,
        isVrouter: targets.map(({ module }) => module === VROUTER),
        vifs: () => around.vifWatch?.vifs ?? NO_VIFS,
      },
      ...more,
    });
    return await record({
      tracer,
      printer,
      options,
      signals,
      around,
      summary(overhead, failed): string {
        // After a second interrupt, some rows may not have been written.
        const isText = options.format === "text" || options.format === "events";
        const rows = isText && (failed || printer.pending) ? printer.rows : null;
        return summarize(printer.shown, tracer.counts(), overhead, rows);
      },
    });
  });
}

/** What is recorded besides calls. */
export type Recorded = Pick<Format, "packets" | "drops" | "kernelDrops" | "decisions">;

/** A trace whose programs are loaded, and what it starts with. */
export interface PreparedTrace {
  readonly targets: readonly Target[];
  readonly output: Output;
  readonly tracer: Tracer;
  readonly selection: Selection;
  readonly conditions: Conditions | null;
  readonly kernel: Btf;
  /** BTF of vrouter; `null` without it. */
  readonly vrouter: Btf | null;
  /** Of the module. */
  readonly reasons: DropReasons;
  /** What the targets return, if results are shown; else empty. */
  readonly results: readonly (ResultType | null)[];
}

const NO_VIFS: readonly Vif[] = [];

/**
 * Selects what to trace, and loads the programs.
 *
 * @param recorded what is recorded besides calls
 */
export async function prepareTrace(
  options: TraceOptions,
  recorded: Recorded,
  filter: PacketFilter | null,
  readObject: ObjectReader,
  around: Surroundings,
): Promise<PreparedTrace> {
  const { log, stop, resources } = around;
  // First, as nothing else matters without vrouter.
  const selection = selectPackets(options, around);
  const sources = await readKernel(options, log);
  const targets = findTargets(log, options, sources);
  requireTraced(options.sightings.functions, targets);
  announceSelection(selection, options, log);
  // Before attaching, which is slow on old kernels.
  const output = resources.use(await openOutput(options.output, log, stop));
  const vrouter = sources.modules.find(({ module }) => module === VROUTER)?.btf ?? null;
  const decides = recorded.decisions ? vrouter : null;
  try {
    const tracer = await Tracer.load({
      ...commonTracerOptions(options, selection, filter, output, around),
      ...requireOffsets(sources),
      kernel: sources.kernel,
      numbered: numberedModules(sources),
      backend: options.backend,
      readObject,
      targets,
      packetEvents: recorded.packets,
      drops: recorded.drops,
      dropOffsets: decides && dropOffsets(decides),
      decisionOffsets: decides && decisionOffsets(decides),
      companion: companionOf(recorded, sources.kernel, decides, log),
      sample: options.sample,
      showPlaces: options.show.includes("vif") || options.show.includes("nh"),
      showResults: options.show.includes("return"),
    });
    followVifs(tracer, options, selection, around);
    return {
      targets,
      output,
      tracer: resources.use(tracer),
      selection,
      conditions: selection.conditions,
      kernel: sources.kernel,
      vrouter,
      reasons: dropReasons(vrouter),
      results: options.show.includes("return") ? resultTypes(sources.modules, targets) : [],
    };
  } catch (error) {
    throw withAdvice(error, options.bufferBytes, Deno.readTextFileSync("/proc/self/status"));
  }
}

/** Probes beside those of the calls. @param vrouter if its decisions are recorded */
function companionOf(
  { kernelDrops }: Recorded,
  kernel: Btf,
  vrouter: Btf | null,
  log: Log,
): Companion | null {
  const all: Companion[] = [];
  if (kernelDrops) all.push(kernelDropProbes(kernel));
  const debug = (message: string): void => log.debug(message);
  if (vrouter !== null) all.push(decisionProbes({ kernel, vrouter, debug }));
  return all.length === 0 ? null : all.length === 1 ? all[0]! : together(all);
}
