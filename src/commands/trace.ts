/**
 * `vrft`: the trace, from selecting what to trace to the summary.
 *
 * @module
 */

import type { TraceOptions } from "../cli/invocation.ts";
import { whyNoModuleBtf } from "../kernel/module_btf.ts";
import { NO_PACKET_OFFSETS, type PacketOffsets, packetOffsets } from "../kernel/packet_offsets.ts";
import { readDistribution } from "../kernel/platform.ts";
import { type KernelSources, readSources } from "../kernel/sources.ts";
import { OutputClosed } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { Progress } from "../output/progress.ts";
import { summarize } from "../output/summary.ts";
import { VIEWS } from "../output/views.ts";
import { AttachCancelled, type ObjectReader } from "../probe/backend.ts";
import type { User } from "../probe/backend_choice.ts";
import type { Conditions } from "../packet/conditions.ts";
import { findNamespaces } from "../probe/initial_namespace.ts";
import type { Target } from "../probe/target.ts";
import { missingCapabilities, traceCapabilities } from "../sys/capabilities.ts";
import { type Connection, describeConnection } from "../sys/connections.ts";
import { Failure } from "../sys/failure.ts";
import { NetlinkError } from "../sys/netlink.ts";
import {
  INITIAL_NAMESPACE,
  namespaceOfFile,
  type NetworkNamespaces,
  networkNamespaces,
} from "../sys/network.ts";
import { printable } from "../sys/printable.ts";
import { type Recording, Tracer } from "../trace/tracer.ts";
import { readVifs } from "../vrouter/interfaces.ts";
import { selectAmong } from "../vrouter/selection.ts";
import { withAdvice } from "./advice.ts";
import { OverheadWatch, requireRunStatistics } from "./overhead_watch.ts";
import { LoopGuard } from "./loop_guard.ts";
import { announce, removeStale } from "./ready_file.ts";
import { OpenCancelled, openOutput, type Output, Printer } from "./trace_output.ts";
import { resolveConditions } from "./trace_conditions.ts";
import { findTargets } from "./trace_targets.ts";
import { vifSources, VifWatch } from "./vif_watch.ts";
import { VrouterWatch } from "./vrouter_watch.ts";

const EINTR = 4;
/** Milliseconds to wait for a signal's listener. */
const SIGNAL_MS = 500;

/** How the user ends a trace. */
export interface TraceSignals {
  /** Aborted by the first signal: stop, detach, print what has been recorded. */
  readonly stop: AbortSignal;
  /** Aborted by the second: print and write no more. */
  readonly cut: AbortSignal;
}

/**
 * Traces until the user, a limit or a closed output ends it.
 *
 * @param filter those of the options, compiled
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status
 * @throws {Failure} if tracing is impossible
 */
export async function runTrace(
  options: TraceOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  requireCapabilities(options);
  using _timing = options.maxOverhead === null ? null : requireRunStatistics();
  removeStale(options.readyFile);
  describeSystem(log);
  using vrouter = options.vrouter ? new VrouterWatch(log) : null;
  using vifWatch = vrouter &&
    new VifWatch(log, vifSources(log, options.netns, () => vrouter.isSame()));
  using resources = new DisposableStack();
  let ready: Ready;
  try {
    ready = await prepare(options, filter, log, signals.stop, readObject, resources, vifWatch);
    await attach(ready, log, signals.stop);
    vrouter?.requireSame();
  } catch (error) {
    if (error instanceof AttachCancelled) {
      log.info("Interrupted while attaching; everything is detached");
      return 0;
    }
    if (error instanceof OpenCancelled || await isInterruption(error, signals.stop)) {
      log.info("Interrupted before anything was attached");
      return 0;
    }
    if (error instanceof Failure) vrouter?.requireSame(error);
    throw error;
  }

  const { tracer, output, targets } = ready;
  const printer = new Printer(
    output,
    VIEWS[options.format],
    targets,
    options.limit,
    log,
    ready.conditions !== null,
  );
  const overhead = new OverheadWatch(log, tracer.programs, options.maxOverhead);
  const loop = new LoopGuard(log, tracer, printer);
  try {
    await record(tracer, printer, options, signals, overhead, loop, { vrouter, vifWatch });
  } catch (error) {
    if (error instanceof OutputClosed) {
      log.debug(error.message);
      return 0;
    }
    log.info(summarize(printer.shown, tracer.counts(), overhead.result(), printer.rows));
    throw error;
  }
  // For kernels that do not announce module events.
  vrouter?.look();
  vifWatch?.look();
  // After a second interrupt, some rows may not have been written.
  const rows = printer.pending ? printer.rows : null;
  log.info(summarize(printer.shown, tracer.counts(), overhead.result(), rows));
  return overhead.exceeded.aborted || loop.found.aborted ? 1 : 0;
}

/** Everything a trace starts with. */
interface Ready {
  readonly targets: readonly Target[];
  readonly output: Output;
  readonly tracer: Tracer;
  readonly conditions: Conditions | null;
}

/**
 * Selects what to trace, and loads the programs.
 *
 * @param resources receives everything to dispose of after the trace
 * @param vifWatch receives the selection
 */
async function prepare(
  options: TraceOptions,
  filter: PacketFilter | null,
  log: Log,
  stop: AbortSignal,
  readObject: ObjectReader,
  resources: DisposableStack,
  vifWatch: VifWatch | null,
): Promise<Ready> {
  // First, as nothing else matters without vrouter.
  const namespaces = namespacesFor(options, log);
  const vifs = options.vrouter ? readVifs(namespaces) : null;
  const conditions = resolveConditions(options.conditions, vifs ?? []);
  const names = options.interfaces;
  const interfaces = selectAmong(
    names,
    vifs,
    namespaces,
    options.netns ?? INITIAL_NAMESPACE,
    (message) => log.info(message),
  );
  if (vifs !== null) vifWatch?.begin({ vifs, names, interfaces });
  const sources = await readSources(options);
  describeSources(log, options, sources);
  const targets = findTargets(log, options, sources);
  const kind = options.vrouter ? "vrouter kernel" : "this network namespace";
  const noun = interfaces.length === 1 ? "interface" : "interfaces";
  log.info(`Filter events with ${interfaces.length} ${noun} on ${kind}...`);

  // Before attaching, which is slow on old kernels.
  const output = resources.use(await openOutput(options.output, log, stop));
  try {
    const tracer = await Tracer.load({
      readObject,
      kernel: sources.kernel,
      targets,
      interfaces,
      filter,
      conditions,
      packetEvents: VIEWS[options.format].packets,
      sample: options.sample,
      own: ownConnections(output, log),
      backend: options.backend,
      ringBytes: options.bufferBytes,
      ...requireOffsets(sources),
      vrouterNetns: options.vrouter ? namespaces.initial ?? 0 : 0,
      kernelBtf: options.kernelBtf,
      user: userOf(log, stop),
    });
    return { targets, output, tracer: resources.use(tracer), conditions };
  } catch (error) {
    throw withAdvice(error, options.bufferBytes, Deno.readTextFileSync("/proc/self/status"));
  }
}

/** @throws {Failure} if the given file is not that of a network namespace */
function namespacesFor({ netns, vrouter, kernelBtf }: TraceOptions, log: Log): NetworkNamespaces {
  if (vrouter && netns === null) return findNamespaces(kernelBtf, (message) => log.debug(message));
  const { current, initial } = networkNamespaces();
  return { current, initial: netns === null ? initial : namespaceOfFile(netns) };
}

/** The connections that carry the output, as far as they can be determined. */
function ownConnections(output: Output, log: Log): readonly Connection[] {
  const own = output.connections();
  for (const connection of own) {
    log.info(
      `Leaves out packets between ${
        describeConnection(connection)
      }, which carry this trace's output`,
    );
  }
  return own;
}

/** What is watched during the trace; `null` without the vrouter module. */
interface Watches {
  readonly vrouter: VrouterWatch | null;
  readonly vifWatch: VifWatch | null;
}

/**
 * Records until the trace ends, for any reason. The printed tree is always complete, and written as far
 * as the output accepts it.
 */
async function record(
  tracer: Tracer,
  printer: Printer,
  options: TraceOptions,
  signals: TraceSignals,
  overhead: OverheadWatch,
  loop: LoopGuard,
  { vrouter, vifWatch }: Watches,
): Promise<void> {
  const timeUp = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const live = (): Recording => {
    if (options.durationMs !== null) {
      timer = setTimeout(() => timeUp.abort(), options.durationMs);
    }
    announce(options.readyFile);
    // Not before, because this overwrites an existing file.
    printer.begin();
    const measured = loop.start(overhead.start());
    return {
      turn: () => {
        measured.turn();
        vifWatch?.turn();
      },
      [Symbol.dispose]: () => measured[Symbol.dispose](),
    };
  };
  const watched = [vrouter?.watched, vifWatch?.watched].filter((one) => one !== undefined);
  const end = AbortSignal.any([signals.stop, timeUp.signal, overhead.exceeded, loop.found]);
  try {
    await tracer.run(printer, end, signals.cut, live, watched);
  } catch (error) {
    await printer.close(signals.cut);
    throw error;
  } finally {
    // Deno sets up timers on first use of one of their functions, which takes a fifth of a second on a
    // slow machine and would delay Ctrl-C.
    if (timer !== undefined) clearTimeout(timer);
  }
}

/** @throws {AttachCancelled} if the user interrupts; nothing is attached then */
async function attach({ tracer, targets }: Ready, log: Log, stop: AbortSignal): Promise<void> {
  using progress = new Progress(targets.length);
  const start = performance.now();
  const refused = await tracer.attach({
    report: (done) => progress.update(done),
    ...userOf(log, stop),
  });
  progress.finish(targets.length - refused.length);
  log.debug(`Attached in ${Math.round(performance.now() - start)} ms`);
  for (const { name, module, reason } of refused) {
    log.debug(`Skipped ${name} [${module}]: ${reason}`);
  }
  if (refused.length > 0) log.info(`${refused.length} functions could not be probed`);
}

function userOf(log: Log, stop: AbortSignal): User {
  return {
    cancelled: () => stop.aborted,
    info: (message) => log.info(message),
    debug: (message) => log.debug(message),
  };
}

/** Whether `error` only means that the user interrupted a wait for the kernel. */
async function isInterruption(error: unknown, stop: AbortSignal): Promise<boolean> {
  const cause = error instanceof Failure ? error.cause : undefined;
  if (!(cause instanceof NetlinkError) || cause.errno !== EINTR) return false;
  // The signal that ended the wait reaches its listener, if it has one, a moment later.
  await new Promise<void>((resolve) => {
    const over = setTimeout(resolve, SIGNAL_MS);
    stop.addEventListener("abort", () => {
      clearTimeout(over);
      resolve();
    });
    if (stop.aborted) resolve();
  });
  return stop.aborted;
}

function requireCapabilities(options: TraceOptions): void {
  const status = Deno.readTextFileSync("/proc/self/status");
  const missing = missingCapabilities(status, traceCapabilities(options.vrouter));
  if (missing.length === 0) return;
  throw new Failure("privileges", `Cannot trace without ${missing.join(", ")}: run vrft as root`);
}

function describeSystem(log: Log): void {
  const { name, version } = readDistribution();
  log.info(`Dist Info(name = ${name} version = ${version})`);
  log.info(`Kernel(release = ${Deno.osRelease()})`);
}

function describeSources(log: Log, options: TraceOptions, sources: KernelSources): void {
  if (options.kernelBtf === null) log.info("DEBUG_INFO_BTF is enabled");
  log.info(`Linux Debug info: ${sources.kernelBtf}`);
  if (sources.vrouterBtf !== null) log.info(`tf-vrouter Debug info: ${sources.vrouterBtf}`);
  for (const warning of sources.warnings) log.info(warning);
  for (const note of sources.notes) log.debug(note);
  if (options.vrouter && sources.vrouterBtf === null) {
    throw new Failure(
      "vrouter_btf",
      `Cannot find the BTF of the vrouter module: ${whyNoModuleBtf(sources)}; make a file with ` +
        "pahole -J and pass it to --vrouter-btf",
    );
  }
}

/** @throws {Failure} if what was passed as vrouter's BTF is not vrouter's */
function requireOffsets({ modules, vrouterBtf }: KernelSources): PacketOffsets {
  const offsets = packetOffsets(modules);
  if (offsets !== null) return offsets;
  if (vrouterBtf === null) return NO_PACKET_OFFSETS;
  throw new Failure(
    "vrouter_btf",
    `Cannot use "${printable(vrouterBtf)}": it does not describe vr_packet.vp_if and ` +
      "vr_interface.vif_idx, so it is not vrouter's",
  );
}
