/**
 * The interface between call trees and output formats: each format implements {@linkcode CallSink},
 * which is fed by `tree.ts`.
 *
 * @module
 */

/** Why a call's closing row is not its own return event. */
export type Incomplete =
  /**
   * There was no return event: it was lost, or the probe's hit was missed. At the end of the trace this is
   * assumed if events were lost after the task's last event.
   */
  | "return lost"
  /** The trace ended while the call was still running. */
  | "trace ended";

/**
 * Receives the steps of call trees in the order of their events. Called per event, so implementations
 * must not allocate.
 *
 * Timestamps are nanoseconds of CLOCK_MONOTONIC as two 32-bit halves. Both arrive as signed numbers
 * with the bits of the unsigned ones (`half >>> 0` is the value): V8 passes an int32 in a register,
 * but puts what needs 32 unsigned bits on the heap.
 */
export interface CallSink {
  /** A call starts. `depth` is the number of calls open around it in its task. */
  enter(timestampLow: number, timestampHigh: number, cpu: number, depth: number, fn: number): void;
  /** The call returns; `depth` is that of its {@linkcode enter}, `cpu` may differ from it. */
  leave(timestampLow: number, timestampHigh: number, cpu: number, depth: number, fn: number): void;
  /** The call is closed without a return event, at the time of the event that showed it. */
  abandon(
    timestampLow: number,
    timestampHigh: number,
    cpu: number,
    depth: number,
    fn: number,
    why: Incomplete,
  ): void;
  /** A return whose entry was lost. It closes no call. */
  orphan(timestampLow: number, timestampHigh: number, cpu: number, depth: number, fn: number): void;
}
