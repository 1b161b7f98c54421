/**
 * What a view of drops implements.
 *
 * @module
 */

import type { Drop, Reconciled } from "../../trace/drop.ts";

/** Shows drops. Its methods throw as `LineWriter.flush()`. */
export interface DropView {
  /** Recording has started. */
  begin(): void;
  /** A packet was dropped that is to be shown. */
  drop(drop: Drop): void;
  /** The module's counters were read. */
  reconciled(counters: readonly Reconciled[]): void;
  /** Called at least every tenth of a second. */
  turn(): void;
  /** No more drops follow. */
  finish(): void;
}

/** Shows nothing. */
export const NO_VIEW: DropView = {
  begin: () => {},
  drop: () => {},
  reconciled: () => {},
  turn: () => {},
  finish: () => {},
};

/** What views need to say about drops, and is known elsewhere. */
export interface DropPhrases {
  /** The packet in a few words: `10.1.1.5 > 10.1.1.6 icmp echo request, 98 bytes`. */
  packet(drop: Drop): string;
  /** Its flow: `10.1.1.5 > 10.1.1.6 icmp`. */
  flow(drop: Drop): string;
  /** Commands that tell more. */
  hints(drop: Drop): readonly string[];
  /** Local time of a time of CLOCK_MONOTONIC: `14:03:07.412`. */
  time(nanoseconds: bigint): string;
}
