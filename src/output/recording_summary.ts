/**
 * The summary of a recording, its last log line.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import type { Overhead } from "../trace/overhead.ts";
import type { TraceCounts } from "../trace/tracer.ts";
import { costText } from "./summary.ts";

/**
 * Summarizes a recording. Zero counts are omitted, except those of lost events and missed hits.
 *
 * @param overhead of the trace; `null` if it was not measured
 */
export function summarizeRecording(
  { records, bytes }: { readonly records: number; readonly bytes: number },
  counts: Pick<
    TraceCounts,
    "lost" | "missed" | "removed" | "unread" | "untracked" | "packets"
  >,
  overhead: Overhead | null,
): string {
  const also: [number, string][] = [
    [counts.unread, "events not recorded (interrupted twice)"],
    [counts.removed, "probes removed by another program"],
    [counts.untracked, "calls left out: too many open at once"],
    [counts.packets.evicted, "packets lost from sight: too many at once"],
    [counts.packets.unfollowed, "calls that copied packets and could not be followed"],
  ];
  return [
    `${amount(records)} events recorded in ${amount(bytes)} bytes`,
    `${amount(counts.lost)} events lost`,
    `${amount(counts.missed)} probe hits missed`,
    ...also.filter(([count]) => count > 0).map(([count, what]) => `${amount(count)} ${what}`),
    ...overhead === null ? [] : [costText(overhead)],
  ].join("; ");
}
