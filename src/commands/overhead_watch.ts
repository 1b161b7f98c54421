/**
 * Measures the overhead of a trace, enforces `--max-overhead`, and reports.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { percent } from "../sys/amount.ts";
import { areProgramsTimed, timePrograms } from "../probe/run_statistics.ts";
import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import { type Overhead, OverheadMeter, overheadSources } from "../trace/overhead.ts";
import type { Recording } from "../trace/tracer.ts";

/**
 * Turns on timing of BPF programs, to enforce a limit. A trace whose programs cannot be timed does not
 * start under a limit.
 *
 * Call it before anything is attached, and dispose of the result after everything is detached: to turn
 * timing on or off, the kernel patches the code that runs the programs.
 *
 * @throws {Failure} if the kernel does not let this process turn timing on
 */
export function requireRunStatistics(): Disposable {
  try {
    return timePrograms();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Failure(
      "privileges",
      `Cannot enforce --max-overhead: ${error.message}: run vrft as root (CAP_SYS_ADMIN), ` +
        "or ask the administrator to turn them on (sysctl -w kernel.bpf_stats_enabled=1)",
      { cause: error },
    );
  }
}

/** Measures one trace, and reports when it exceeds the limit. */
export class OverheadWatch {
  readonly #meter: OverheadMeter;
  readonly #log: Log;
  readonly #exceeded = new AbortController();

  /**
   * @param programs fds of the trace's BPF programs, open until {@linkcode start}'s result is disposed
   * @param limit per cent of one CPU; `null` for none
   */
  constructor(log: Log, programs: readonly number[], limit: number | null) {
    this.#log = log;
    this.#meter = new OverheadMeter(
      overheadSources(programs, limit !== null || areProgramsTimed()),
      limit,
      (share) => {
        if (this.exceeded.aborted) return;
        log.info(
          `Stopped: tracing took ${
            percent(share)
          } of a CPU for more than a second, above the limit of ` +
            `${
              percent(limit!)
            }: trace fewer functions (-f, -x) or fewer packets (-i, --sample), or allow ` +
            "more (--max-overhead)",
        );
        this.#exceeded.abort();
      },
    );
  }

  /** Aborted when the trace has exceeded the limit for a second. */
  get exceeded(): AbortSignal {
    return this.#exceeded.signal;
  }

  /** Measures until the result is disposed. Call once. */
  start(): Recording {
    return this.#meter.start();
  }

  /** The overhead of the trace; `null` before its end. Details go to the debug log. */
  result(): Overhead | null {
    const overhead = this.#meter.overhead();
    const ns = overhead?.runNs ?? null;
    if (ns !== null) this.#log.debug(`BPF programs took ${Math.round(ns)} ns per run on average`);
    return overhead;
  }
}
