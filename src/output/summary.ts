/**
 * The summary, the last log line of a trace.
 *
 * @module
 */

import type { Overhead } from "../trace/overhead.ts";
import type { PacketTotals } from "../trace/packets.ts";
import type { TraceCounts } from "../trace/tracer.ts";
import type { CallTree } from "../trace/tree.ts";
import { amount, percent } from "../sys/amount.ts";

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
    `${amount(tree.calls)} calls of ${amount(tree.functions)} functions`,
    `${amount(counts.lost)} events lost`,
    `${amount(counts.missed)} probe hits missed`,
  ];
  if (rows !== null) {
    // Rows for lost returns are not events, and it is unknown how many of them were written.
    const printed = Math.max(0, rows - tree.abandoned);
    parts.push(`${amount(rows)} rows written`);
    parts.push(
      `${amount(Math.max(0, counts.recorded - tree.unmatched - printed))} events not printed`,
    );
  }
  const also: [number, string][] = [
    [counts.removed, "probes removed by another program"],
    [rows === null ? counts.unread : 0, "events not printed (interrupted twice)"],
    [counts.untracked, "calls left out: too many open at once"],
    [tree.abandoned, "calls closed without their return"],
    [tree.orphans, "returns without their call"],
    [tree.malformed, "records not understood"],
    [tree.undecided, "packets left out, undecided"],
    [tree.packets.stray, "ends of packets that were not seen to begin"],
    [counts.packets.evicted, "packets lost from sight: too many at once"],
    [counts.packets.unfollowed, "calls that copied packets and could not be followed"],
  ];
  for (const [count, what] of also) if (count > 0) parts.push(`${amount(count)} ${what}`);
  if (tree.packets.begun > 0) parts.push(fates(tree.packets));
  if (counts.sample > 1) parts.push(sampling(counts));
  if (overhead !== null) parts.push(costText(overhead));
  return parts.join("; ");
}

/** What became of the packets, where their events were recorded. */
function fates({ begun, ended, inside, outOfSight }: PacketTotals): string {
  return `${amount(begun)} packets: ${amount(ended)} ended, ${amount(inside)} still inside, ` +
    `${amount(outOfSight)} out of sight`;
}

function sampling({ sample, packets: { seen, kept } }: TraceCounts): string {
  return `${amount(kept)} of ${amount(seen)} packets kept (1 in ${amount(sample)})`;
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
