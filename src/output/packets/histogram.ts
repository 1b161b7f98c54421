/**
 * Statistics of packets as text: a table of the stages, and a histogram of the times of whole packets.
 *
 * @module
 */

import { amount } from "../../sys/amount.ts";
import { WAITS } from "../../trace/journey.ts";
import type { Times } from "../../trace/percentiles.ts";
import type { Bucket, Statistics } from "../../trace/stage_statistics.ts";
import { type Column, table } from "../table.ts";
import { timeText } from "./words.ts";

/** Cells of the longest bar. */
const BAR_CELLS = 40;
/** Blocks of one to eight eighths of a cell. */
const EIGHTHS = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

const COLUMNS: readonly Column<readonly [name: string, times: Times]>[] = [
  { title: "stage", cell: ([name]) => name },
  { title: "packets", right: true, cell: ([, { count }]) => amount(count) },
  { title: "p50", right: true, cell: ([, { p50 }]) => timeText(p50) },
  { title: "p99", right: true, cell: ([, { p99 }]) => timeText(p99) },
  { title: "max", right: true, cell: ([, { max }]) => timeText(max) },
];

/** The statistics, with their line ends; empty without packets. */
export function statisticsText({ total, stages, histogram }: Statistics): string {
  if (total.count === 0) return "";
  const rows = [...stages].map(([name, times]) =>
    [WAITS.has(name) ? `[${name}]` : name, times] as const
  );
  return `${table(COLUMNS, [...rows, ["total", total]])}\n${histogramText(histogram)}`;
}

function histogramText(histogram: readonly Bucket[]): string {
  const most = Math.max(...histogram.map(({ count }) => count));
  const columns: readonly Column<Bucket>[] = [
    { title: "from", right: true, cell: ({ from }) => timeText(from) },
    { title: "to", right: true, cell: ({ to }) => timeText(to) },
    { title: "packets", right: true, cell: ({ count }) => amount(count) },
    { title: "", cell: ({ count }) => bar(count / most) },
  ];
  return table(columns, histogram);
}

/** A bar of some share of the longest; what is not nothing can be seen. */
function bar(share: number): string {
  const eighths = share === 0 ? 0 : Math.max(1, Math.round(share * BAR_CELLS * 8));
  const rest = EIGHTHS[eighths % 8 - 1] ?? "";
  return "█".repeat(Math.floor(eighths / 8)) + rest;
}
