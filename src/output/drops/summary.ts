/**
 * The summary of a trace of drops, its last log line.
 *
 * @module
 */

import { amount, counted, countsInWords, type NounCount } from "../../sys/amount.ts";
import type { DropClass } from "../../trace/drop.ts";
import type { Overhead } from "../../trace/overhead.ts";
import type { TraceCounts } from "../../trace/tracer.ts";
import { costText, leftOutCounts, lossTexts } from "../summary.ts";

/** What a trace of drops has seen. */
export interface DropTotals {
  /** Drops that were shown, by class. */
  readonly shown: ReadonlyMap<DropClass, number>;
  /** Drops that were left out: housekeeping, or for another reason than those to show. */
  readonly hidden: number;
  /** Records that could not be read. */
  readonly damaged: number;
}

const CLASSES: readonly (readonly [DropClass, string])[] = [
  ["lost", "lost"],
  ["policy", "by policy"],
  ["housekeeping", "housekeeping"],
  ["counted", "counted without a free"],
  ["unknown", "for unknown reasons"],
];

/**
 * Summarizes a trace of drops. Zero counts are omitted, except those of lost events and missed hits.
 *
 * @param overhead of the trace; `null` if it was not measured
 */
export function summarizeDrops(
  { shown, hidden, damaged }: DropTotals,
  counts: Pick<TraceCounts, "lost" | "missed" | "removed" | "unread">,
  overhead: Overhead | null,
): string {
  const also: NounCount[] = [
    [hidden, "drop", " not shown"],
    ...leftOutCounts({ ...counts, untracked: 0 }),
    [damaged, "record", " not understood"],
  ];
  return [
    dropCountText(shown),
    ...lossTexts(counts),
    ...countsInWords(also),
    ...overhead === null ? [] : [costText(overhead)],
  ].join("; ");
}

/** Drops that were shown: `4 drops: 3 lost, 1 by policy`. */
export function dropCountText(shown: DropTotals["shown"]): string {
  const total = [...shown.values()].reduce((sum, count) => sum + count, 0);
  const classes = CLASSES.filter(([name]) => (shown.get(name) ?? 0) > 0)
    .map(([name, text]) => `${amount(shown.get(name)!)} ${text}`);
  const what = counted(total, "drop");
  return classes.length === 0 ? what : `${what}: ${classes.join(", ")}`;
}
