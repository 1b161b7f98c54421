/**
 * The two ends of a trace that runs: what records, and what prints.
 *
 * @module
 */

import type { Consumer, Tracer } from "../trace/tracer.ts";

/** What of a tracer runs a trace. */
export type RunningTrace = Pick<Tracer, "run" | "events" | "programs">;

/** What prints a trace. */
export interface TracePrinter extends Consumer {
  /** Whether the output might be traced itself. */
  readonly canFeed: boolean;
  /** Pauses or resumes writing. */
  hold(held: boolean): void;
  /** Recording has started: writes what stands in front of the first event. */
  begin(): void;
  /** Ends a failed trace: waits until all is written, or `cut` is aborted. */
  close(cut: AbortSignal): Promise<void>;
}
