/**
 * `vrft`: the trace, from choosing what to trace to the summary.
 *
 * @module
 */

import type { TraceOptions } from "../cli/invocation.ts";
import { discover } from "../kernel/functions.ts";
import { readDistribution } from "../kernel/platform.ts";
import { type KernelSources, readSources } from "../kernel/sources.ts";
import type { Log } from "../output/log.ts";
import { LineWriter, OutputClosed } from "../output/line_writer.ts";
import { Progress } from "../output/progress.ts";
import { TextSink } from "../output/text.ts";
import { AttachCancelled, type Target } from "../probe/backend.ts";
import { type Capability, missingCapabilities } from "../sys/capabilities.ts";
import { Failure } from "../sys/failure.ts";
import { networkNamespaces } from "../sys/network.ts";
import { printable } from "../sys/printable.ts";
import { type Consumer, type TraceCounts, Tracer } from "../trace/tracer.ts";
import { CallTree } from "../trace/tree.ts";
import { selectFromSystem } from "../vrouter/selection.ts";

/** How the user ends a trace. */
export interface TraceSignals {
  /** Aborted by the first signal: stop, detach, print what has been recorded. */
  readonly stop: AbortSignal;
  /** Aborted by the second: do not print what is still in the ring. */
  readonly cut: AbortSignal;
}

/** Reads the BPF object that this program was built with. */
export type ObjectReader = () => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Traces until the user, a limit or the reader of the output ends it.
 *
 * @param readObject called once it is clear that tracing can begin
 * @returns exit status
 * @throws {Failure} when tracing is impossible
 */
export async function runTrace(
  options: TraceOptions,
  log: Log,
  signals: TraceSignals,
  readObject: ObjectReader,
): Promise<number> {
  requireCapabilities(options);
  removeStale(options.readyFile);
  describeSystem(log);
  // First, because without vrouter nothing else matters.
  const interfaces = selectFromSystem(options.interfaces, options.vrouter);
  const sources = await readSources(options);
  describeSources(log, options, sources);
  const targets = findTargets(log, options, sources);
  const kind = options.vrouter ? "vrouter kernel" : "this network namespace";
  const noun = interfaces.length === 1 ? "interface" : "interfaces";
  log.info(`Filter events with ${interfaces.length} ${noun} on ${kind}...`);

  // Before anything is attached: that takes its time on old kernels.
  using output = openOutput(options.output);
  using tracer = await Tracer.load({
    object: await readObject(),
    targets,
    interfaces,
    backend: options.backend,
    ringBytes: options.bufferBytes,
    ...packetOffsets(sources),
    vrouterNetns: options.vrouter ? networkNamespaces().initial : 0,
    kernelBtf: options.kernelBtf,
    debug: (message) => log.debug(message),
  });
  if (!await attach(tracer, targets.length, log, signals.stop)) return 0;
  const writer = new LineWriter(output.sink, output.name);
  const printer = new Printer(writer, targets, options.limit);
  try {
    await record(tracer, printer, options, signals);
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
    log.debug(error.message);
    return 0;
  }
  log.info(summary(printer.tree, tracer.counts()));
  return 0;
}

/** Prints a trace as call trees. */
class Printer implements Consumer {
  readonly tree: CallTree;
  readonly #writer: LineWriter;

  constructor(writer: LineWriter, targets: readonly Target[], limit: number | null) {
    const sink = new TextSink(writer, targets.map(({ name }) => name));
    this.#writer = writer;
    this.tree = new CallTree(sink, targets.length, limit === null ? {} : { limit });
    sink.header();
    writer.flush();
  }

  get full(): boolean {
    return this.tree.full;
  }

  get done(): boolean {
    return this.tree.done;
  }

  record(words: Uint32Array, at: number): void {
    this.tree.record(words, at);
  }

  dry(): void {
    this.#writer.flush();
  }

  /** Closes what is still open. */
  end(): void {
    this.tree.finish();
    this.#writer.flush();
  }
}

/** Records until something ends it; whatever does, what has been printed is whole. */
async function record(
  tracer: Tracer,
  printer: Printer,
  options: TraceOptions,
  signals: TraceSignals,
): Promise<void> {
  const timeUp = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const live = (): void => {
    if (options.durationMs !== null) {
      timer = setTimeout(() => timeUp.abort(), options.durationMs);
    }
    announce(options.readyFile);
  };
  try {
    await tracer.run(printer, AbortSignal.any([signals.stop, timeUp.signal]), signals.cut, live);
  } finally {
    clearTimeout(timer);
  }
  printer.end();
}

/** @returns false when the user gave up waiting; nothing is attached then */
async function attach(
  tracer: Tracer,
  targets: number,
  log: Log,
  stop: AbortSignal,
): Promise<boolean> {
  using progress = new Progress(targets);
  const start = performance.now();
  try {
    const refused = await tracer.attach({
      report: (done) => progress.update(done),
      cancelled: () => stop.aborted,
      debug: (message) => log.debug(message),
    });
    progress.finish(targets - refused.length);
    log.debug(`Attached in ${Math.round(performance.now() - start)} ms`);
    for (const { name, module, reason } of refused) {
      log.debug(`Left out ${name} [${module}]: ${reason}`);
    }
    if (refused.length > 0) log.info(`${refused.length} functions could not be attached to`);
  } catch (error) {
    if (!(error instanceof AttachCancelled)) throw error;
    log.info("Interrupted while attaching; nothing is attached any more");
    return false;
  }
  return true;
}

function requireCapabilities(options: TraceOptions): void {
  const wanted: Capability[] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"];
  if (options.vrouter) wanted.push("CAP_NET_ADMIN");
  const missing = missingCapabilities(Deno.readTextFileSync("/proc/self/status"), wanted);
  if (missing.length === 0) return;
  throw new Failure(`Cannot trace without ${missing.join(", ")}: run vrft as root`);
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
      "Cannot find the BTF of the vrouter module: this kernel offers none, so make a file of it " +
        "(pahole -J) and name that with --vrouter-btf",
    );
  }
}

function findTargets(log: Log, options: TraceOptions, sources: KernelSources): Target[] {
  const discovery = discover({ ...sources, ...options });
  const { functions, skipped } = discovery;
  log.debug(
    `${functions.length} functions take a packet and can be traced, ${skipped.length} cannot: see ` +
      "vrft functions --skipped",
  );
  if (functions.length === 0) {
    const chosen = options.functions.length > 0 || options.excludes.length > 0;
    throw new Failure(
      chosen
        ? `Cannot trace: no traceable function with a packet matches ${globs(options)}; see vrft ` +
          "functions"
        : "Cannot trace: no function takes a packet; see vrft functions --skipped",
    );
  }
  if (!discovery.traceabilityKnown) {
    throw new Failure(
      "Cannot trace: the kernel does not tell which functions can be traced, so it has no function " +
        "tracer (CONFIG_FUNCTION_TRACER), or tracefs is not mounted (mount -t tracefs nodev " +
        "/sys/kernel/tracing)",
    );
  }
  const targets = functions.filter((fn): fn is Target => fn.address !== null);
  if (targets.length > 0) return targets;
  throw new Failure(
    "Cannot trace: /proc/kallsyms hides the addresses of functions; set kernel.kptr_restrict to 0 " +
      "or 1 (sysctl -w kernel.kptr_restrict=1)",
  );
}

function globs({ functions, excludes }: TraceOptions): string {
  return [
    ...functions.map((glob) => `-f "${printable(glob)}"`),
    ...excludes.map((glob) => `-x "${printable(glob)}"`),
  ].join(" ");
}

/** Where the programs find the interface of a vr_packet, in bytes. */
function packetOffsets(sources: KernelSources): { vpIfOffset: number; vifIdxOffset: number } {
  const btf = sources.modules.find(({ module }) => module === "vrouter")?.btf;
  if (btf === undefined) return { vpIfOffset: 0, vifIdxOffset: 0 };
  const vpIfOffset = btf.memberOffset("vr_packet", "vp_if");
  const vifIdxOffset = btf.memberOffset("vr_interface", "vif_idx");
  if (vpIfOffset === undefined || vifIdxOffset === undefined) {
    throw new Failure(
      `Cannot use "${
        printable(sources.vrouterBtf ?? "")
      }": it does not describe vr_packet.vp_if and ` +
        "vr_interface.vif_idx, so it is not vrouter's",
    );
  }
  return { vpIfOffset, vifIdxOffset };
}

/** stdout, or the file asked for; a file is closed with its `using` block. */
function openOutput(
  path: string | null,
): { sink: Deno.FsFile | typeof Deno.stdout; name: string } & Disposable {
  if (path === null) {
    return { sink: Deno.stdout, name: "standard output", [Symbol.dispose]: (): void => {} };
  }
  const name = `"${printable(path)}"`;
  try {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    return { sink: file, name, [Symbol.dispose]: (): void => file.close() };
  } catch (cause) {
    throw new Failure(`Cannot open ${name} for writing: ${(cause as Error).message}`, { cause });
  }
}

/**
 * A ready file of an earlier trace must not be taken for this one's. Such files are empty: nothing else
 * is removed.
 */
function removeStale(path: string | null): void {
  if (path === null) return;
  try {
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile || size > 0) {
      throw new Failure("it exists, and is not the empty file of an earlier trace");
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unusable(path, error);
  }
}

function announce(path: string | null): void {
  if (path === null) return;
  try {
    Deno.writeFileSync(path, new Uint8Array(), { createNew: true });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): Failure {
  return new Failure(
    `Cannot create the ready file "${printable(path)}": ${(cause as Error).message}`,
    {
      cause,
    },
  );
}

/** The last line of the log. What did not happen is not mentioned, but for what everybody asks. */
function summary(tree: CallTree, counts: TraceCounts): string {
  const parts = [
    `${amount(tree.calls)} calls of ${amount(tree.functions)} functions`,
    `${amount(counts.lost)} events lost`,
    `${amount(counts.missed)} probe hits missed`,
  ];
  const also: [number, string][] = [
    [counts.unread, "events not printed (interrupted twice)"],
    [counts.untracked, "calls left out: too many open at once"],
    [tree.abandoned, "calls closed without their return"],
    [tree.orphans, "returns without their call"],
    [tree.malformed, "records not understood"],
  ];
  for (const [count, what] of also) if (count > 0) parts.push(`${amount(count)} ${what}`);
  return parts.join("; ");
}

function amount(count: number): string {
  return count.toLocaleString("en-US");
}
