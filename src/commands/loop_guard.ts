/**
 * Ends a trace that traces its own output: see src/trace/loop_watch.ts.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { type LoopSurroundings, LoopWatch } from "../trace/loop_watch.ts";
import type { Recording } from "../trace/tracer.ts";
import type { RunningTrace, TracePrinter } from "./running_trace.ts";

/** Guards one trace. */
export class LoopGuard {
  readonly #log: Log;
  readonly #tracer: Pick<RunningTrace, "events">;
  readonly #printer: Pick<TracePrinter, "canFeed" | "hold">;
  readonly #found = new AbortController();

  constructor(
    log: Log,
    tracer: Pick<RunningTrace, "events">,
    printer: Pick<TracePrinter, "canFeed" | "hold">,
  ) {
    this.#log = log;
    this.#tracer = tracer;
    this.#printer = printer;
  }

  /** Aborted when a feedback loop is detected. */
  get found(): AbortSignal {
    return this.#found.signal;
  }

  /** Adds the loop watch to another recording, until the result is disposed. Call once. */
  start(other: Recording): Recording {
    if (!this.#printer.canFeed) return other;
    const world: LoopSurroundings = {
      now: () => performance.now(),
      events: () => {
        const { recorded, lost } = this.#tracer.events();
        return recorded + lost;
      },
      lost: () => this.#tracer.events().lost,
      hold: (held) => this.#printer.hold(held),
      random: Math.random,
    };
    const watch = new LoopWatch(world, () => this.#stop());
    return {
      turn: (): void => {
        other.turn();
        watch.turn();
      },
      [Symbol.dispose]: (): void => {
        watch.stop();
        other[Symbol.dispose]();
      },
    };
  }

  #stop(): void {
    this.#log.info(
      "Stopped: the output of this trace crosses an interface that it traces, so that it feeds itself: " +
        "write it to a file on this host (-o FILE), or trace other interfaces (-i)",
    );
    this.#found.abort();
  }
}
