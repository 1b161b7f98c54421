/**
 * What a view of packets implements.
 *
 * @module
 */

import type { Journey } from "../../trace/journey.ts";

/** Shows packets. Its methods throw as `LineWriter.flush()`. */
export interface PacketView {
  /** Whether it wants no more packets. */
  readonly isFull: boolean;
  /**
   * The way of a packet through vrouter is over.
   *
   * @param isWanted whether it is to be shown, not just counted
   */
  packet(journey: Journey, isWanted: boolean): void;
  /** No more packets follow. */
  finish(): void;
}
