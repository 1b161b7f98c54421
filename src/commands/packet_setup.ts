/**
 * Starts a trace of packets.
 *
 * @module
 */

import type { CaptureOptions, TraceOptions } from "../cli/invocation.ts";
import type { Btf } from "../kernel/btf.ts";
import { VROUTER } from "../kernel/functions.ts";
import { type ResultType, resultTypes } from "../kernel/result_type.ts";
import { numberedModules } from "../kernel/sources.ts";
import type { PacketFilter } from "../packet/expression.ts";
import type { ObjectReader } from "../probe/backend.ts";
import { canUseTrampolines } from "../probe/trampolines.ts";
import { Failure } from "../sys/failure.ts";
import { decisionWords } from "../trace/decision_words.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { DropMaker } from "../trace/drops.ts";
import type { JourneySources } from "../trace/journeys.ts";
import {
  loadPacketTracer,
  type PacketTrace,
  type PacketTracerOptions,
} from "../trace/packet_tracer.ts";
import type { DropReasons } from "../vrouter/drop_reasons.ts";
import { NexthopCache, nexthopSource } from "../vrouter/nexthop_cache.ts";
import { withAdvice } from "./advice.ts";
import { dropSources } from "./drop_sources.ts";
import type { Surroundings } from "./session.ts";
import { openOutput, type Output } from "./trace_output.ts";
import {
  announceSelection,
  attach,
  commonTracerOptions,
  readKernel,
  readKernelBtf,
  type Selection,
  selectPackets,
  userOf,
} from "./trace_setup.ts";
import { findTargets } from "./trace_targets.ts";

/** A trace of packets whose probes are attached, and what it started with. */
export interface StartedPackets {
  readonly trace: PacketTrace;
  readonly output: Output;
  readonly sources: JourneySources;
  /** Whether only packets are to be shown of which a record says that they match. */
  readonly conditional: boolean;
  readonly reasons: DropReasons;
  /** What the functions return, if results are shown; else empty. */
  readonly results: readonly (ResultType | null)[];
  /** Follows the nexthops: to be called often. */
  readonly turn: () => void;
}

/** What describes the kernel and the module, and what to attach to. */
interface Described {
  readonly kernel: Btf;
  readonly vrouter: Btf;
  /** As of {@linkcode PacketTracerOptions}. */
  readonly sources: PacketTracerOptions["sources"];
  readonly calls: PacketTracerOptions["calls"];
  readonly results: readonly (ResultType | null)[];
}

/**
 * Selects what to trace, loads the programs and attaches.
 *
 * @param calls options of a trace of all calls; `null` to attach to what tells the way of packets alone
 * @param filter those of the options, compiled
 * @throws {Failure} if tracing is impossible
 */
export async function startPackets(
  options: CaptureOptions,
  calls: TraceOptions | null,
  filter: PacketFilter | null,
  readObject: ObjectReader,
  around: Surroundings,
): Promise<StartedPackets> {
  const { log, stop, resources } = around;
  // First, as nothing else matters without vrouter.
  const selection = selectPackets(options, around);
  const described = await describe(options, calls, around);
  announceSelection(selection, options, log);
  const output = resources.use(await openOutput(options.output, log, stop));
  const trace = await load(options, selection, described, filter, readObject, output, around);
  const nexthops = new NexthopCache(nexthopSource(() => around.vrouter?.isSame() ?? false));
  return {
    trace,
    output,
    sources: {
      ...liveJourneySources(described, selection, around),
      nexthop: (id) => nexthops.get(id),
    },
    turn: () => nexthops.turn(),
    conditional: selection.conditions !== null,
    reasons: dropReasons(described.vrouter),
    results: described.results,
  };
}

async function describe(
  options: CaptureOptions,
  calls: TraceOptions | null,
  { log }: Surroundings,
): Promise<Described> {
  if (calls === null && canUseTrampolines((message) => log.debug(message))) {
    const { kernel, vrouter } = await readKernelBtf(options, log);
    return { kernel, vrouter: required(vrouter), sources: null, calls: null, results: [] };
  }
  const sources = await readKernel(options, log);
  const { kernel, modules } = sources;
  const vrouter = modules.find(({ module }) => module === VROUTER)?.btf ?? null;
  if (calls === null) {
    return { kernel, vrouter: required(vrouter), sources, calls: null, results: [] };
  }
  const targets = findTargets(log, calls, sources);
  const { show, backend } = calls;
  const showResults = show.includes("return");
  return {
    kernel,
    vrouter: required(vrouter),
    sources: null,
    calls: {
      targets,
      numbered: numberedModules(sources),
      backend,
      showPlaces: show.includes("vif") || show.includes("nh"),
      showResults,
    },
    results: showResults ? resultTypes(modules, targets) : [],
  };
}

async function load(
  options: CaptureOptions,
  selection: Selection,
  { kernel, vrouter, sources, calls }: Described,
  filter: PacketFilter | null,
  readObject: ObjectReader,
  output: Output,
  around: Surroundings,
): Promise<PacketTrace> {
  const { log, resources, stop } = around;
  try {
    const trace = await loadPacketTracer({
      ...commonTracerOptions(options, selection, filter, output, around),
      kernel,
      vrouter,
      readObject,
      sample: 1,
      sources,
      calls,
    });
    resources.use(trace.tracer);
    if (calls !== null) {
      await attach(trace.tracer, calls.targets.length, around);
    } else {
      const refused = await trace.tracer.attach({ report: () => {}, ...userOf(log, stop) });
      for (const { name, reason } of refused) log.debug(`Skipped ${name}: ${reason}`);
    }
    return trace;
  } catch (error) {
    throw withAdvice(error, options.bufferBytes, Deno.readTextFileSync("/proc/self/status"));
  }
}

/** What the journeys of this host's packets are told by, but for nexthops. */
export function liveJourneySources(
  described: Pick<Described, "kernel" | "vrouter">,
  { namespaces }: Pick<Selection, "namespaces">,
  around: Surroundings,
): JourneySources {
  const sources = dropSources(described, namespaces, around);
  const drops = new DropMaker(sources);
  return {
    words: decisionWords(described.vrouter),
    vifs: () => around.vifWatch?.vifs ?? [],
    vrouterNetns: sources.vrouterNetns,
    device: sources.device,
    drop: (words) => drops.drop(words),
  };
}

function required(vrouter: Btf | null): Btf {
  if (vrouter !== null) return vrouter;
  throw new Failure("vrouter_btf", "Cannot trace packets without the BTF of the vrouter module");
}
