/**
 * Two groups of packets side by side, as text.
 *
 * @module
 */

import { amount } from "../../sys/amount.ts";
import { printable } from "../../sys/printable.ts";
import type { Branch, ComparedPath, Parting } from "../../trace/path_diff.ts";
import type { PathStep } from "../../trace/paths.ts";
import { type Column, table } from "../table.ts";
import type { Comparison, Side } from "./comparison.ts";
import { stepLines } from "./paths.ts";
import { outcomeText, stepText, timeText } from "./words.ts";

const INDENT = "   ";
const SIDES: readonly Side[] = [0, 1];

/** The comparison, with line ends. */
export function diffText(found: Comparison): string {
  const { comparison: { partings, both, onlyLeft, onlyRight } } = found;
  const sections = [
    groupsText(found),
    ...partingSection(found),
    ...pathSection("Both", both),
    ...pathSection("Only 1", onlyLeft),
    ...pathSection("Only 2", onlyRight),
  ];
  const verdict = verdictOf(found, partings.length);
  if (verdict !== null) sections.splice(1, 0, `${verdict}\n`);
  return sections.join("\n");
}

/** What there is to say where the groups do not part. */
function verdictOf({ groups }: Comparison, partings: number): string | null {
  const empty = SIDES.filter((side) => groups[side].count === 0);
  if (empty.length === 2) return "No packets";
  if (empty.length === 1) return `No packets of ${empty[0]! + 1}`;
  return partings === 0 ? "All packets took the same ways" : null;
}

function groupsText({ names, groups }: Comparison): string {
  const columns: readonly Column<Side>[] = [
    { title: "", cell: (side) => `${side + 1}` },
    { title: "packets", right: true, cell: (side) => amount(groups[side].count) },
    { title: "p50", right: true, cell: (side) => timeOf(groups[side].count, groups[side].p50) },
    { title: "p99", right: true, cell: (side) => timeOf(groups[side].count, groups[side].p99) },
    { title: "max", right: true, cell: (side) => timeOf(groups[side].count, groups[side].max) },
    { title: "filter", cell: (side) => printable(names[side]) },
  ];
  return table(columns, SIDES);
}

function timeOf(count: number, nanoseconds: number): string {
  return count === 0 ? "" : timeText(nanoseconds);
}

/** The first place where they part, and what is the same up to there. */
function partingSection(found: Comparison): string[] {
  const { comparison: { partings }, groups } = found;
  const [first] = partings;
  if (first === undefined || groups.some(({ count }) => count === 0)) return [];
  const common = stepLines({ steps: first.common });
  const same = common.length === 0 ? [] : [`The same:\n${common.join("\n")}\n`];
  const more = partings.length - 1;
  const also = more === 0
    ? ""
    : `${INDENT}and at ${amount(more)} ${more === 1 ? "place" : "places"} more\n`;
  return [...same, `Here they part:\n${branches(found, first)}${also}`];
}

function branches({ outcomes }: Comparison, { branches }: Parting): string {
  const columns: readonly Column<Branch>[] = [
    { title: `${INDENT}in 1`, right: true, cell: ({ left }) => amount(left) },
    { title: "in 2", right: true, cell: ({ right }) => amount(right) },
    { title: "", cell: ({ step }) => textOf(step, outcomes) },
  ];
  return table(columns, branches);
}

function textOf({ key, decision }: PathStep, outcomes: Comparison["outcomes"]): string {
  if (decision !== null) return stepText(decision);
  const outcome = outcomes.get(key);
  return outcome === undefined ? "" : outcomeText(outcome);
}

function pathSection(title: string, paths: readonly ComparedPath[]): string[] {
  if (paths.length === 0) return [];
  const lines = paths.flatMap(({ left, right }) => {
    const counts = [left, right].flatMap((group) => group === null ? [] : [amount(group.count)]);
    const noun = counts.length === 1 && counts[0] === "1" ? "packet" : "packets";
    const { outcome } = (left ?? right)!.example;
    return [
      `${INDENT}${counts.join(" and ")} ${noun}  ${outcomeText(outcome)}`,
      ...stepLines((left ?? right)!, INDENT.repeat(2)),
    ];
  });
  return [`${title}:\n${lines.join("\n")}\n`];
}
