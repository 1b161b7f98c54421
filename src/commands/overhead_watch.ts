/**
 * What a trace costs its host, for the command: measured, held to `--max-overhead`, and told.
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
 * Has the programs timed that are to be held to a limit. A limit is a promise: a trace whose programs
 * cannot be timed does not begin under one.
 *
 * To be disposed when nothing is attached any more, as it is called before anything is: to switch the
 * timing, the kernel changes the very code that runs the programs.
 *
 * @throws {Failure} when the kernel does not let this process have programs timed
 */
export function requireRunStatistics(): Disposable {
  try {
    return timePrograms();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new Failure(
      "privileges",
      `Cannot hold the trace to --max-overhead: ${error.message}: run vrft as root (CAP_SYS_ADMIN), ` +
        "or have the administrator switch them on (sysctl -w kernel.bpf_stats_enabled=1)",
      { cause: error },
    );
  }
}

/** Measures one trace, and says so when it takes more than it may. */
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
          `Stopped: tracing took ${percent(share)} of a CPU for more than a second, the limit is ` +
            `${
              percent(limit!)
            }: trace fewer functions (-f, -x) or fewer packets (-i, --sample), or allow ` +
            "more (--max-overhead)",
        );
        this.#exceeded.abort();
      },
    );
  }

  /** Aborted when the trace has taken more than it may for a second. */
  get exceeded(): AbortSignal {
    return this.#exceeded.signal;
  }

  /** Measures until what it returns is disposed. To be called once. */
  start(): Recording {
    return this.#meter.start();
  }

  /** What the trace has cost; `null` before its end. The details go to the debug log. */
  result(): Overhead | null {
    const overhead = this.#meter.overhead();
    const ns = overhead?.runNs ?? null;
    if (ns !== null) this.#log.debug(`A run of a BPF program took ${Math.round(ns)} ns on average`);
    return overhead;
  }
}
