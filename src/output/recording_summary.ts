/**
 * The summary of a recording, its last log line.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import type { FlightCounts } from "../recording/flight_recorder.ts";
import type { Overhead } from "../trace/overhead.ts";
import type { TraceCounts } from "../trace/tracer.ts";
import { costText } from "./summary.ts";

/** Of a trace's counts, those that a summary has. */
type SummarizedCounts = Pick<
  TraceCounts,
  "lost" | "missed" | "removed" | "unread" | "untracked" | "packets"
>;

/**
 * Summarizes a recording. Zero counts are omitted, except those of lost events and missed hits.
 *
 * @param overhead of the trace; `null` if it was not measured
 */
export function summarizeRecording(
  { records, bytes }: { readonly records: number; readonly bytes: number },
  counts: SummarizedCounts,
  overhead: Overhead | null,
): string {
  return [
    `${amount(records)} events recorded in ${amount(bytes)} bytes`,
    ...rest(counts, overhead),
  ].join("; ");
}

/** Counts of a flight recorder, of its folder and of its triggers. */
export interface SummarizedFlights extends FlightCounts {
  /** Old files that were removed. */
  readonly removed: number;
  /** Packets of which nobody knows how long they took. */
  readonly evicted: number;
}

/**
 * Summarizes a flight recorder, likewise.
 *
 * @param overhead of the trace; `null` if it was not measured
 */
export function summarizeFlights(
  { triggers, recordings, bytes, recorded, suppressed, failed, removed, evicted }:
    SummarizedFlights,
  counts: SummarizedCounts,
  overhead: Overhead | null,
): string {
  const also: [number, string][] = [
    [removed, "old recordings removed"],
    [evicted, "packets lost from sight on their way, which may have been slow"],
  ];
  return [
    `${amount(triggers)} triggers: ${amount(recorded)} in ${amount(recordings)} recordings, ` +
    `${amount(suppressed)} too soon (--every), ${amount(failed)} not all recorded`,
    `${amount(bytes)} bytes written`,
    ...known(also),
    ...rest(counts, overhead),
  ].join("; ");
}

function rest(counts: SummarizedCounts, overhead: Overhead | null): string[] {
  const also: [number, string][] = [
    [counts.unread, "events not recorded (interrupted twice)"],
    [counts.removed, "probes removed by another program"],
    [counts.untracked, "calls left out: too many open at once"],
    [counts.packets.evicted, "packets lost from sight: too many at once"],
    [counts.packets.unfollowed, "calls that copied packets and could not be followed"],
  ];
  return [
    `${amount(counts.lost)} events lost`,
    `${amount(counts.missed)} probe hits missed`,
    ...known(also),
    ...overhead === null ? [] : [costText(overhead)],
  ];
}

function known(counts: readonly (readonly [count: number, what: string])[]): string[] {
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${amount(count)} ${what}`);
}
