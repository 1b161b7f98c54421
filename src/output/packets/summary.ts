/**
 * The summary of a trace of packets, its last log line.
 *
 * @module
 */

import { amount, counted, countsInWords, type NounCount } from "../../sys/amount.ts";
import type { Outcome } from "../../trace/journey.ts";
import type { Overhead } from "../../trace/overhead.ts";
import type { TraceCounts } from "../../trace/tracer.ts";
import { costText, leftOutCounts, lossTexts, outOfSightCounts } from "../summary.ts";

/** Outcomes in the order of the summary. */
const OUTCOMES: readonly Outcome["type"][] = [
  "delivered",
  "left",
  "dropped",
  "trapped",
  "held",
  "replicated",
  "consumed by GRO",
  "consumed",
  "inside",
  "lost from sight",
];

/** What a trace of packets has seen. */
export interface PacketCounts {
  readonly outcomes: ReadonlyMap<Outcome["type"], number>;
  /** Packets that were not shown, as they do not meet what was asked for, or for lack of room. */
  readonly hidden: number;
  /** Of which events were lost. */
  readonly incomplete: number;
  /** Packets given up because there were too many at a time. */
  readonly givenUp: number;
  /** Calls with which packets came in whose beginning was not seen. */
  readonly unknown: number;
  /** Decisions, stages and calls that were too many for one packet. */
  readonly omitted: number;
  /** Records that could not be read. */
  readonly damaged: number;
}

/** `4,000 packets: 1,998 delivered, 1,990 left, 12 dropped`. */
export function outcomesText(outcomes: ReadonlyMap<Outcome["type"], number>): string {
  const total = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const parts = OUTCOMES.filter((type) => (outcomes.get(type) ?? 0) > 0)
    .map((type) => `${amount(outcomes.get(type)!)} ${type}`);
  return `${counted(total, "packet")}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}

/**
 * Summarizes a trace of packets. Zero counts are omitted, except those of lost events and missed hits.
 *
 * @param overhead of the trace; `null` if it was not measured
 */
export function summarizePackets(
  packets: PacketCounts,
  counts: Pick<TraceCounts, "lost" | "missed" | "removed" | "unread" | "untracked" | "packets">,
  overhead: Overhead | null,
): string {
  const also: NounCount[] = [
    [packets.hidden, "packet", " not shown"],
    [packets.incomplete, "packet", " of which events were lost"],
    [packets.givenUp, "packet", " given up: too many at once"],
    [packets.unknown, "call", " of packets that were not seen to begin"],
    [packets.omitted, "detail", " left out: too many decisions, stages or calls of a packet"],
    ...outOfSightCounts(counts.packets),
    ...leftOutCounts(counts),
    [packets.damaged, "record", " not understood"],
  ];
  return [
    outcomesText(packets.outcomes),
    ...lossTexts(counts),
    ...countsInWords(also),
    ...overhead === null ? [] : [costText(overhead)],
  ].join("; ");
}
