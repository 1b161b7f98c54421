/**
 * The summary of a recording, its last log line.
 *
 * @module
 */

import { amount, counted, countsInWords, type NounCount } from "../sys/amount.ts";
import type { FlightCounts } from "../recording/flight_recorder.ts";
import type { Overhead } from "../trace/overhead.ts";
import type { TraceCounts } from "../trace/tracer.ts";
import { costText, lossTexts, outOfSightCounts } from "./summary.ts";

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
    `${counted(records, "event")} recorded in ${counted(bytes, "byte")}`,
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
  const also: NounCount[] = [
    [removed, "old recording", " removed"],
    [evicted, "packet", " lost from sight on the way, which may have been slow"],
  ];
  return [
    `${counted(triggers, "trigger")}: ${amount(recorded)} in ${
      counted(recordings, "recording")
    }, ` +
    `${amount(suppressed)} too soon (--every), ${amount(failed)} not all recorded`,
    `${counted(bytes, "byte")} written`,
    ...countsInWords(also),
    ...rest(counts, overhead),
  ].join("; ");
}

function rest(counts: SummarizedCounts, overhead: Overhead | null): string[] {
  const also: NounCount[] = [
    [counts.unread, "event", " not recorded (interrupted twice)"],
    [counts.removed, "probe", " removed by another program"],
    [counts.untracked, "call", " left out: too many open at once"],
    ...outOfSightCounts(counts.packets),
  ];
  return [
    ...lossTexts(counts),
    ...countsInWords(also),
    ...overhead === null ? [] : [costText(overhead)],
  ];
}
