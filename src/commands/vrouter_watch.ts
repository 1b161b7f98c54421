/**
 * What a trace has to say when the vrouter module is unloaded, or loaded anew, behind its back.
 *
 * While links of the session and multi backends are there, the kernel holds the module; it lets go of
 * one that is being read, or probed by kprobe events.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { Failure } from "../sys/failure.ts";
import { type ModuleState, ModuleWatch } from "../sys/module_events.ts";
import type { Watched } from "../trace/tracer.ts";

const WHAT = {
  unloaded: "was unloaded",
  replaced: "was loaded anew",
} as const;

/** Follows what becomes of the vrouter module. */
export class VrouterWatch implements Disposable {
  readonly #module: ModuleWatch;
  readonly #log: Log;
  readonly #told = new Set<ModuleState>(["same"]);

  /** @param module watched from before anything is read of it */
  constructor(log: Log, module: ModuleWatch = new ModuleWatch("vrouter")) {
    this.#log = log;
    this.#module = module;
  }

  /** What to look after while the trace runs; `undefined` where the kernel announces nothing. */
  get watched(): Watched | undefined {
    const { fd } = this.#module;
    return fd === null ? undefined : { fd, ready: () => this.look() };
  }

  /** Tells the user what has happened to the module, each thing once. */
  look(): void {
    const state = this.#module.state();
    if (this.#told.has(state)) return;
    this.#told.add(state);
    this.#log.info(
      state === "unloaded"
        ? "The vrouter module was unloaded: its functions are traced no more, all else still is"
        : "The vrouter module was loaded anew: this trace does not see the new one; to trace that, " +
          "end vrft and start it again",
    );
  }

  /**
   * Makes sure that what has been read of the module still holds.
   *
   * @param cause what went wrong meanwhile, if something did
   * @throws {Failure} when the module is gone, or another one
   */
  requireSame(cause?: unknown): void {
    const state = this.#module.state();
    if (state === "same") return;
    throw new Failure(
      "vrouter_changed",
      `Cannot trace: the vrouter module ${WHAT[state]} while vrft was getting ready; ` +
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
