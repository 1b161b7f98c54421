/**
 * The summary, the last log line of a trace.
 *
 * @module
 */

import type { Overhead } from "../trace/overhead.ts";
import type { PacketTotals } from "../trace/packets.ts";
import type { TraceCounts } from "../trace/tracer.ts";
import type { CallTree } from "../trace/tree.ts";
import { amount, counted, countsInWords, type NounCount, percent } from "../sys/amount.ts";

/** The counts of the call trees used by the summary. */
export interface TreeCounts
  extends Pick<CallTree, "calls" | "functions" | "abandoned" | "orphans" | "malformed"> {
  readonly packets: PacketTotals;
  /** Packets left out because it did not become clear in time whether they meet the conditions. */
  readonly undecided: number;
  /** Events left out because their packets do not meet the conditions, or are undecided. */
  readonly unmatched: number;
}

/**
 * Summarizes a trace. Zero counts are omitted, except those of lost events and missed hits.
 *
 * @param overhead of the trace; `null` if it was not measured
 * @param rows number of rows written before the output was cut short; `null` if all were
 */
export function summarize(
  tree: TreeCounts,
  counts: TraceCounts,
  overhead: Overhead | null,
  rows: number | null,
): string {
  const parts = [
    `${counted(tree.calls, "call")} of ${counted(tree.functions, "function")}`,
    ...lossTexts(counts),
  ];
  if (rows !== null) {
    // Rows for lost returns are not events, and it is unknown how many of them were written.
    const printed = Math.max(0, rows - tree.abandoned);
    parts.push(`${counted(rows, "row")} written`);
    parts.push(
      `${counted(Math.max(0, counts.recorded - tree.unmatched - printed), "event")} not printed`,
    );
  }
  const also: NounCount[] = [
    ...leftOutCounts({ ...counts, unread: rows === null ? counts.unread : 0 }),
    [tree.abandoned, "call", " closed without a return"],
    [tree.orphans, "return", " without a call"],
    [tree.malformed, "record", " not understood"],
    [tree.undecided, "packet", " left out, undecided"],
    [tree.packets.stray, "end", " of packets that were not seen to begin"],
    ...outOfSightCounts(counts.packets),
  ];
  parts.push(...countsInWords(also));
  if (tree.packets.begun > 0) parts.push(fates(tree.packets));
  if (counts.sample > 1) parts.push(sampling(counts));
  if (overhead !== null) parts.push(costText(overhead));
  return parts.join("; ");
}

/** What a trace lost, also if that is nothing. */
export function lossTexts({ lost, missed }: Pick<TraceCounts, "lost" | "missed">): string[] {
  return [`${counted(lost, "event")} lost`, `${counted(missed, "probe hit")} missed`];
}

/** What a trace left out. */
export function leftOutCounts(
  { removed, unread, untracked }: Pick<TraceCounts, "removed" | "unread" | "untracked">,
): NounCount[] {
  return [
    [removed, "probe", " removed by another program"],
    [unread, "event", " not printed (interrupted twice)"],
    [untracked, "call", " left out: too many open at once"],
  ];
}

/** Packets that a trace did not follow. */
export function outOfSightCounts(
  { evicted, unfollowed }: Pick<TraceCounts["packets"], "evicted" | "unfollowed">,
): NounCount[] {
  return [
    [evicted, "packet", " lost from sight: too many at once"],
    [unfollowed, "call", " that copied packets and could not be followed"],
  ];
}

/** What became of the packets, where their events were recorded. */
function fates({ begun, ended, inside, outOfSight }: PacketTotals): string {
  return `${counted(begun, "packet")}: ${amount(ended)} ended, ${amount(inside)} still inside, ` +
    `${amount(outOfSight)} out of sight`;
}

function sampling({ sample, packets: { seen, kept } }: TraceCounts): string {
  return `${amount(kept)} of ${counted(seen, "packet")} kept (1 in ${amount(sample)})`;
}

/** The overhead, in per cent of one CPU, as in top(1). */
export function costText({ programs, own, peak }: Overhead): string {
  if (programs === null) {
    return `${percent(own)} of a CPU in vrft, that of BPF programs not timed ` +
      "(sysctl kernel.bpf_stats_enabled)";
  }
  const most = peak === null ? "" : ` (at most ${percent(peak)})`;
  return `${percent(programs)} of a CPU in BPF programs, ${percent(own)} in vrft${most}`;
}
