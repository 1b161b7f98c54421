/**
 * Reports when the vrouter module is unloaded or reloaded during a trace.
 *
 * Links of the session and multi backends hold a reference to the module; reading it, or probing it by
 * kprobe events, does not.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { Failure } from "../sys/failure.ts";
import { type ModuleState, ModuleWatch } from "../sys/module_events.ts";
import type { Watched } from "../trace/tracer.ts";

const WHAT = {
  unloaded: "was unloaded",
  replaced: "was reloaded",
} as const;

/** Watches the vrouter module. */
export class VrouterWatch implements Disposable {
  readonly #module: ModuleWatch;
  readonly #log: Log;
  readonly #told = new Set<ModuleState>();
  readonly #gone = new AbortController();
  #endsTrace = false;

  /** @param module watched since before anything was read from it */
  constructor(log: Log, module: ModuleWatch = new ModuleWatch("vrouter")) {
    this.#log = log;
    this.#module = module;
  }

  /** What to poll during the trace; `undefined` if the kernel does not announce module events. */
  get watched(): Watched | undefined {
    const { fd } = this.#module;
    return fd === null ? undefined : { fd, ready: () => this.look() };
  }

  /** Whether the module is still the one that was there at the start. */
  isSame(): boolean {
    return this.#module.state() === "same";
  }

  /** Ends the trace when the module goes: see {@linkcode gone}. Otherwise it goes on without. */
  endTrace(): void {
    this.#endsTrace = true;
  }

  /** Aborted when the module is gone, if that is to end the trace. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Logs what happened to the module, each event once. */
  look(): void {
    const state = this.#module.state();
    if (state === "same" || this.#told.has(state)) return;
    this.#told.add(state);
    if (!this.#endsTrace) {
      this.#log.info(
        state === "unloaded"
          ? "The vrouter module was unloaded: its functions are no longer traced, everything else is"
          : "The vrouter module was reloaded: this trace does not see the new one; restart vrft to " +
            "trace it",
      );
    } else if (!this.#gone.signal.aborted) {
      this.#log.info(
        `Stopped: the vrouter module ${WHAT[state]}; start vrft again once it is there`,
      );
      this.#gone.abort();
    }
  }

  /**
   * Makes sure that what was read about the module is still valid.
   *
   * @param cause what failed meanwhile, if anything
   * @throws {Failure} if the module was unloaded or replaced
   */
  requireSame(cause?: unknown): void {
    const state = this.#module.state();
    if (state === "same") return;
    throw new Failure(
      "vrouter_changed",
      `Cannot trace: the vrouter module ${WHAT[state]} while vrft was starting; ` +
        (state === "unloaded"
          ? "load it, or trace plain network devices with --no-vrouter"
          : "start vrft again"),
      { cause },
    );
  }

  [Symbol.dispose](): void {
    this.#module[Symbol.dispose]();
  }
}
