/**
 * The overhead of a trace: the CPU time of its BPF programs and of this process.
 *
 * Timing the programs is not free: the kernel reads the clock before and after each run, a sixth more for
 * a traced call. So they are timed only to enforce a limit, or if the administrator has them timed anyway.
 * Shares are those of the whole trace. A limit is checked in windows: one of a tenth of each second, and,
 * while the share is above the limit, back to back, until it has been for a second or no longer is.
 *
 * Not included is what the kernel does to reach the programs: the trap or the ftrace call of a probe,
 * saving registers, hooking returns. Nothing measures that. An interrupt that runs programs on the CPU of
 * this process can count for both.
 *
 * @module
 */

import type { RunStatistics } from "../probe/bpf_syscall.ts";
import { sumOfRuns } from "../probe/run_statistics.ts";
import { processCpuMs } from "../sys/cpu_time.ts";
import type { Recording } from "./tracer.ts";
import { OverheadGuard, type OverheadWindow, shareOf } from "./overhead_guard.ts";

const WINDOW_MS = 100;
const PERIOD_MS = 1000;

/** Where the figures come from. */
export interface OverheadSources {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** CPU time of this process in milliseconds. */
  ownMs(): number;
  /** The timed runs of the programs. */
  programs(): RunStatistics;
  /** Whether the programs are timed. */
  readonly timed: boolean;
}

/**
 * The sources of a trace.
 *
 * @param programs fds of its programs, open while the sources are used
 * @param timed whether the kernel times them
 */
export function overheadSources(programs: readonly number[], timed: boolean): OverheadSources {
  return {
    now: () => performance.now(),
    ownMs: processCpuMs,
    programs: () => sumOfRuns(programs),
    timed,
  };
}

/** Overhead of a trace. Shares are in per cent of one CPU: 100 is one that is always busy. */
export interface Overhead {
  /** Share of the BPF programs; `null` if not known for the whole trace. */
  readonly programs: number | null;
  /** Share of this process. */
  readonly own: number;
  /** Highest share of both in a window; `null` if unknown, or if there was only one window. */
  readonly peak: number | null;
  /** Average nanoseconds per run of a program; `null` if none was timed. */
  readonly runNs: number | null;
}

/** The sources at one moment. */
interface Reading {
  readonly at: number;
  readonly ownMs: number;
  readonly programs: RunStatistics;
}

/** Measures one trace. */
export class OverheadMeter {
  readonly #sources: OverheadSources;
  readonly #guard: OverheadGuard | null;
  readonly #exceeded: (share: number) => void;
  #begin: Reading | null = null;
  #end: Reading | null = null;
  #open: Reading | null = null;
  /** When the next window is due, if none is open. */
  #due = 0;
  /** Windows of full length. */
  #windows = 0;
  #peak = 0;

  /**
   * @param limit per cent of one CPU; `null` for none
   * @param exceeded called when the share has been above the limit for a second, with its average, and
   * again for each window in which it still is
   */
  constructor(
    sources: OverheadSources,
    limit: number | null,
    exceeded: (share: number) => void,
  ) {
    this.#sources = sources;
    this.#guard = limit === null ? null : new OverheadGuard(limit);
    this.#exceeded = exceeded;
  }

  /**
   * Starts measuring, until the result is disposed. Call once.
   *
   * Uses no timer: Deno takes a quarter of a second on a slow machine to set up its first one, just when
   * events start to arrive.
   */
  start(): Recording {
    let next = this.#sources.now() + this.step();
    return {
      turn: (): void => {
        const now = this.#sources.now();
        if (now >= next) next = now + this.step();
      },
      [Symbol.dispose]: (): void => this.stop(),
    };
  }

  /**
   * Starts or ends a window, whichever is due. The result of {@linkcode start} does that by itself.
   *
   * @returns milliseconds until the next step is due
   */
  step(): number {
    const open = this.#open;
    if (open === null) {
      this.#openWindow();
      return WINDOW_MS;
    }
    const [reading, window] = this.#close(open);
    const share = this.#guard?.add(window) ?? null;
    if (share !== null) this.#exceeded(share);
    if (this.#guard?.isAbove) {
      this.#open = reading;
      return WINDOW_MS;
    }
    // Relative to the start, so that delays do not add up.
    while (this.#due <= reading.at) this.#due += PERIOD_MS;
    return this.#due - reading.at;
  }

  /** Stops measuring. Does nothing if already stopped, or not started. */
  stop(): void {
    if (this.#begin === null || this.#end !== null) return;
    const open = this.#open;
    this.#end = open === null ? this.#read() : this.#close(open)[0];
  }

  /** What was measured; `null` before the end. */
  overhead(): Overhead | null {
    if (this.#begin === null || this.#end === null) return null;
    const wall = this.#end.at - this.#begin.at;
    if (wall <= 0) return null;
    const { timed } = this.#sources;
    const programsMs = this.#end.programs.ms - this.#begin.programs.ms;
    const runs = this.#end.programs.runs - this.#begin.programs.runs;
    return {
      programs: timed ? programsMs / wall * 100 : null,
      own: (this.#end.ownMs - this.#begin.ownMs) / wall * 100,
      peak: timed && this.#windows > 1 ? this.#peak : null,
      runNs: timed && runs > 0 ? programsMs / runs * 1e6 : null,
    };
  }

  #openWindow(): void {
    const from = this.#read();
    if (this.#begin === null) {
      this.#begin = from;
      this.#due = from.at + PERIOD_MS;
    }
    this.#open = from;
  }

  #close(from: Reading): [Reading, OverheadWindow] {
    const reading = this.#read();
    const ms = reading.programs.ms - from.programs.ms;
    const window = {
      start: from.at,
      end: reading.at,
      programsMs: this.#sources.timed ? ms : null,
      ownMs: reading.ownMs - from.ownMs,
    };
    this.#open = null;
    // A window cut short by the end is too short to measure the share.
    if (window.end - window.start >= WINDOW_MS / 2) {
      this.#windows++;
      this.#peak = Math.max(this.#peak, shareOf(window));
    }
    return [reading, window];
  }

  #read(): Reading {
    const programs = this.#sources.programs();
    return { programs, ownMs: this.#sources.ownMs(), at: this.#sources.now() };
  }
}
