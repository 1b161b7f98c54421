/**
 * The table of drops as lines of a terminal.
 *
 * @module
 */

import { amount } from "../../sys/amount.ts";
import { printable } from "../../sys/printable.ts";
import { cellsOf, cut, fitted } from "../cells.ts";
import type { DropGroup, GroupKey } from "./groups.ts";
import { KEY_HELP, type TableState } from "./table_state.ts";
import type { DropPhrases } from "./view.ts";
import { detailsOf } from "./words.ts";

/** A line of the screen. */
export interface ScreenLine {
  readonly text: string;
  readonly style: "plain" | "title" | "selected" | "dim";
}

/** Size of a terminal in cells. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A column of the table. */
interface Column {
  readonly title: string;
  readonly right?: true;
  /** Whether it gets narrower where there is too little room. */
  readonly gives?: true;
  readonly cell: (group: DropGroup) => string;
}

const TITLES: Readonly<Record<GroupKey, string>> = {
  reason: "REASON",
  cause: "CAUSE",
  vif: "VIF",
  flow: "FLOW",
};

/** Least width of a column that gives. */
const LEAST_CELLS = 8;
const GAP = "  ";

/**
 * Lays out the table.
 *
 * @param now nanoseconds of CLOCK_MONOTONIC
 * @returns at most as many lines as the terminal has, none wider than it
 */
export function layout(
  state: TableState,
  words: DropPhrases,
  { columns, rows }: ScreenSize,
  now: bigint,
): ScreenLine[] {
  const room = Math.max(0, rows - 3);
  const lines = [title(state), ...body(state, words, columns, room, now)];
  while (lines.length < rows - 1) lines.push({ text: "", style: "plain" });
  lines.push(lastLine(state));
  return lines.slice(0, rows).map(({ text, style }) => ({ text: cut(text, columns), style }));
}

function title(state: TableState): ScreenLine {
  const count = (name: string, ...classes: Parameters<typeof state.tallies.classCount>): string =>
    `${amount(state.tallies.classCount(...classes))} ${name}`;
  const parts = [
    "vrft drops:",
    count("lost,", "lost"),
    count("by policy,", "policy"),
    ...state.tallies.classCount("housekeeping") > 0 ? [count("housekeeping,", "housekeeping")] : [],
    ...state.tallies.classCount("unknown") > 0 ? [count("unknown,", "unknown")] : [],
    `by ${state.order}`,
    ...state.isFrozen ? ["(frozen)"] : [],
  ];
  return { text: parts.join(" "), style: "plain" };
}

function lastLine({ message, isFrozen }: TableState): ScreenLine {
  if (message !== "") return { text: printable(message), style: "plain" };
  const freeze = isFrozen ? "f go on" : "f freeze";
  return { text: `s sort  g group  ${freeze}  e expand  ? help  q quit`, style: "dim" };
}

/** The table's own title, and as many lines as there is room for. */
function body(
  state: TableState,
  words: DropPhrases,
  width: number,
  room: number,
  now: bigint,
): ScreenLine[] {
  if (state.helps) {
    return KEY_HELP.map(([key, text]) => ({ text: `${fitted(key, 12)}${text}`, style: "plain" }));
  }
  const groups = state.groups(now);
  const selected = state.selected(groups);
  const shown = visible(groups, selected, room, (group) => 1 + moreOf(state, words, group).length);
  const columns = columnsFor(state.grouping, words);
  const widths = widthsOf(columns, shown, width);
  const row = (cellOf: (column: Column) => string): string =>
    columns.map((column, index) => fitted(cellOf(column), widths[index]!, column.right))
      .join(GAP).trimEnd();
  const lines: ScreenLine[] = shown.flatMap((group) => [
    {
      text: row((column) => column.cell(group)),
      style: group === groups[selected] ? "selected" as const : "plain" as const,
    },
    ...moreOf(state, words, group),
  ]);
  return [{ text: row((column) => column.title), style: "title" }, ...lines.slice(0, room)];
}

/** The groups from the first on, or so many that the selected one is among them. */
function visible(
  groups: readonly DropGroup[],
  selected: number,
  room: number,
  linesOf: (group: DropGroup) => number,
): readonly DropGroup[] {
  let first = selected;
  let lines = 0;
  for (let index = selected; index >= 0 && index < groups.length; index--) {
    lines += linesOf(groups[index]!);
    if (lines > room) break;
    first = index;
  }
  return groups.slice(first, first + room);
}

function columnsFor(by: readonly GroupKey[], words: DropPhrases): Column[] {
  return [
    { title: "RATE/s", right: true, cell: ({ rate }) => rateText(rate) },
    { title: "COUNT", right: true, cell: ({ count }) => amount(count) },
    { title: "LAST", cell: ({ latest }) => words.time(latest.time) },
    ...by.map((key): Column => ({
      title: TITLES[key],
      gives: true,
      cell: ({ values }) => values[key] ?? "",
    })),
  ];
}

function rateText(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : amount(Math.round(rate));
}

/** As wide as the cells, but what gives is cut, the widest first, until all fit. */
function widthsOf(
  columns: readonly Column[],
  groups: readonly DropGroup[],
  most: number,
): number[] {
  const widths = columns.map(({ title, cell }) =>
    groups.reduce((width, group) => Math.max(width, cellsOf(cell(group))), title.length)
  );
  const width = (): number =>
    widths.reduce((sum, one) => sum + one, 0) + GAP.length * (columns.length - 1);
  while (width() > most) {
    let widest = -1;
    columns.forEach(({ gives }, index) => {
      const isWider = widths[index]! > (widths[widest] ?? LEAST_CELLS);
      if (gives && isWider) widest = index;
    });
    if (widest < 0) break;
    widths[widest]!--;
  }
  return widths;
}

/** The latest drop of an expanded group. */
function moreOf(state: TableState, words: DropPhrases, group: DropGroup): ScreenLine[] {
  if (!state.isExpanded(group)) return [];
  const { latest } = group;
  const vrf = latest.vrf === null ? "" : `VRF ${latest.vrf}  `;
  const lines = [
    `${words.time(latest.time)}  ${vrf}${words.packet(latest)}`,
    ...detailsOf(latest),
    ...words.hints(latest),
  ];
  return lines.map((line) => ({ text: `    ${printable(line)}`, style: "dim" }));
}
