/**
 * The paths that packets took, as text.
 *
 * @module
 */

import { amount, percent } from "../../sys/amount.ts";
import type { PathGroup } from "../../trace/paths.ts";
import { type Column, table } from "../table.ts";
import { decisionText, outcomeText, stepText, timeText } from "./words.ts";

const INDENT = " ".repeat(3);

/** The paths in their order, each with its decisions below it; with line ends. */
export function pathsText(groups: readonly PathGroup[], total: number): string {
  if (groups.length === 0) return "";
  const columns: readonly Column<PathGroup>[] = [
    { title: "packets", right: true, cell: ({ count }) => amount(count) },
    { title: "share", right: true, cell: ({ count }) => percent(100 * count / total) },
    { title: "p50", right: true, cell: ({ times }) => timeText(times.p50) },
    { title: "p99", right: true, cell: ({ times }) => timeText(times.p99) },
    { title: "max", right: true, cell: ({ times }) => timeText(times.max) },
    { title: "outcome", cell: ({ example }) => outcomeText(example.outcome) },
  ];
  const [titles = "", ...rows] = table(columns, groups).trimEnd().split("\n");
  const lines = groups.flatMap((group, index) => [rows[index]!, ...stepLines(group)]);
  return `${[titles, ...lines].join("\n")}\n`;
}

/** The decisions of a path, a line for each that has something to say. */
export function stepLines({ steps }: Pick<PathGroup, "steps">, indent: string = INDENT): string[] {
  return steps.flatMap(({ decision }) =>
    decision === null || decisionText(decision, null) === null ? [] : [indent + stepText(decision)]
  );
}
