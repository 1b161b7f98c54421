/**
 * What every command that traces does around its trace: privileges, what is said first, what is watched
 * meanwhile, and interruptions.
 *
 * @module
 */

import type { CaptureOptions } from "../cli/invocation.ts";
import { readDistribution } from "../kernel/platform.ts";
import type { Log } from "../output/log.ts";
import { AttachCancelled } from "../probe/backend.ts";
import { untilDetached } from "../probe/detach.ts";
import { missingCapabilities, traceCapabilities } from "../sys/capabilities.ts";
import { Failure } from "../sys/failure.ts";
import { NetlinkError } from "../sys/netlink.ts";
import { requireRunStatistics } from "./overhead_watch.ts";
import { removeStale } from "./ready_file.ts";
import { OpenCancelled } from "./trace_output.ts";
import { vifSources, VifWatch } from "./vif_watch.ts";
import { VrouterWatch } from "./vrouter_watch.ts";

const EINTR = 4;
/** Milliseconds to wait for a signal's listener. */
const SIGNAL_MS = 500;

/** How the user ends a trace. */
export interface TraceSignals {
  /** Aborted by the first signal: stop, detach, print what has been recorded. */
  readonly stop: AbortSignal;
  /** Aborted by the second, or by the first after {@linkcode end}: print, write and wait no more. */
  readonly cut: AbortSignal;
  /** The trace has ended, for any reason. */
  end(): void;
}

/** What is watched during the trace; `null` without the vrouter module. */
export interface Watches {
  readonly vrouter: VrouterWatch | null;
  readonly vifWatch: VifWatch | null;
}

/** What a trace starts with. */
export interface Surroundings extends Watches {
  /** Receives everything to dispose of after the trace. */
  readonly resources: DisposableStack;
  readonly log: Log;
  /** Aborted to give up. */
  readonly stop: AbortSignal;
}

/**
 * Prepares a trace, runs it, and disposes of everything.
 *
 * @param start selects what to trace, loads and attaches
 * @param run traces, and returns the exit status
 * @returns exit status: that of `run`, or 0 if the user interrupts `start`
 * @throws {Failure} if tracing is impossible
 */
export async function session<T>(
  options: CaptureOptions,
  log: Log,
  signals: TraceSignals,
  start: (around: Surroundings) => Promise<T>,
  run: (started: T, around: Surroundings) => Promise<number>,
): Promise<number> {
  try {
    return await untilDisposed(options, log, signals, start, run);
  } finally {
    await untilDetached(signals.cut, (message) => log.info(message));
  }
}

async function untilDisposed<T>(
  options: CaptureOptions,
  log: Log,
  signals: TraceSignals,
  start: (around: Surroundings) => Promise<T>,
  run: (started: T, around: Surroundings) => Promise<number>,
): Promise<number> {
  requireCapabilities(options);
  using _timing = options.maxOverhead === null ? null : requireRunStatistics();
  removeStale(options.readyFile);
  describeSystem(log);
  using vrouter = options.vrouter ? new VrouterWatch(log) : null;
  using vifWatch = vrouter &&
    new VifWatch(log, vifSources(log, options.netns, () => vrouter.isSame()));
  using resources = new DisposableStack();
  const around = { vrouter, vifWatch, resources, log, stop: signals.stop };
  let started: T;
  try {
    started = await start(around);
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
  return await run(started, around);
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

function requireCapabilities(options: CaptureOptions): void {
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
