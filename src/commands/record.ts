/**
 * The trace itself, between attaching and the summary.
 *
 * @module
 */

import type { CaptureOptions } from "../cli/invocation.ts";
import { OutputClosed } from "../output/line_writer.ts";
import { untilDetached } from "../probe/detach.ts";
import type { Overhead } from "../trace/overhead.ts";
import type { Recording, Watched } from "../trace/tracer.ts";
import { LoopGuard } from "./loop_guard.ts";
import { OverheadWatch } from "./overhead_watch.ts";
import { announce } from "./ready_file.ts";
import type { RunningTrace, TracePrinter } from "./running_trace.ts";
import type { Surroundings, TraceSignals } from "./session.ts";

/** What takes part in a trace besides. */
export interface Companion {
  /** Recording has started. */
  begin(): void;
  /** Called at least every tenth of a second while the trace runs. */
  turn(): void;
  /** Recording ends, and all is detached next. */
  end(): void;
  /** Aborted to end the trace. */
  readonly quit: AbortSignal;
  readonly watched: readonly Watched[];
}

/** A trace that is ready to run. */
export interface ReadyTrace {
  readonly tracer: RunningTrace;
  readonly printer: TracePrinter;
  readonly options: CaptureOptions;
  readonly signals: TraceSignals;
  readonly around: Surroundings;
  readonly companion?: Companion;
  /** Whether the trace ends when the module is unloaded or reloaded, to be started anew. */
  readonly endsWithModule?: boolean;
  /** As that of a companion. */
  readonly turn?: () => void;
  /** Awaited when all is detached, however the trace has ended, before the last line of the log. */
  readonly flush?: () => Promise<void>;
  /**
   * Makes the last line of the log.
   *
   * @param failed whether writing or reading failed
   */
  readonly summary: (overhead: Overhead | null, failed: boolean) => string;
}

/**
 * Records until the trace ends, for any reason, and logs the summary. What is printed is always complete,
 * and written as far as the output accepts it.
 *
 * @returns exit status: 1 if the trace had to be ended
 */
export async function record(ready: ReadyTrace): Promise<number> {
  const { tracer, printer, options, around: { log, vrouter, vifWatch } } = ready;
  if (ready.endsWithModule) vrouter?.endTrace();
  const overhead = new OverheadWatch(log, tracer.programs, options.maxOverhead);
  const loop = new LoopGuard(log, tracer, printer);
  try {
    await run(ready, overhead, loop);
  } catch (error) {
    await ready.flush?.();
    if (error instanceof OutputClosed) {
      log.debug(error.message);
      return 0;
    }
    log.info(ready.summary(overhead.result(), true));
    throw error;
  }
  // For kernels that do not announce module events.
  vrouter?.look();
  vifWatch?.look();
  await untilDetached(ready.signals.cut, (message) => log.info(message));
  await ready.flush?.();
  log.info(ready.summary(overhead.result(), false));
  const ended = [overhead.exceeded, loop.found, vrouter?.gone];
  return ended.some((signal) => signal?.aborted) ? 1 : 0;
}

async function run(
  ready: ReadyTrace,
  overhead: OverheadWatch,
  loop: LoopGuard,
): Promise<void> {
  const { tracer, printer, options, signals, around: { vrouter, vifWatch }, companion } = ready;
  const timeUp = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const live = (): Recording => {
    if (options.durationMs !== null) {
      timer = setTimeout(() => timeUp.abort(), options.durationMs);
    }
    companion?.begin();
    // What happens from here on is in the trace, and in the counters that it is compared with.
    announce(options.readyFile);
    // Not before, because this overwrites an existing file.
    printer.begin();
    const measured = loop.start(overhead.start());
    return {
      turn(): void {
        measured.turn();
        vifWatch?.turn();
        companion?.turn();
        ready.turn?.();
      },
      [Symbol.dispose](): void {
        measured[Symbol.dispose]();
        companion?.end();
        signals.end();
      },
    };
  };
  const watched = [vrouter?.watched, vifWatch?.watched, ...companion?.watched ?? []]
    .filter((one) => one !== undefined);
  const ends = [signals.stop, timeUp.signal, overhead.exceeded, loop.found];
  if (companion !== undefined) ends.push(companion.quit);
  if (vrouter !== null) ends.push(vrouter.gone);
  try {
    await tracer.run(printer, AbortSignal.any(ends), signals.cut, live, watched);
  } catch (error) {
    await printer.close(signals.cut);
    throw error;
  } finally {
    // Deno sets up timers on first use of one of their functions, which takes a fifth of a second on a
    // slow machine and would delay Ctrl-C.
    if (timer !== undefined) clearTimeout(timer);
  }
}
