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
  /** Its share of what room there is, if it gets narrower where there is too little. */
  readonly share?: number;
  /** Whether it is left out where there is too little room. */
  readonly spare?: true;
  readonly cell: (group: DropGroup) => string;
}

const TITLES: Readonly<Record<GroupKey, string>> = {
  reason: "REASON",
  cause: "CAUSE",
  vif: "VIF",
  flow: "FLOW",
};

/** What tells groups from each other is mostly the flow. */
const SHARES: Readonly<Record<GroupKey, number>> = { reason: 1, cause: 1, vif: 1, flow: 2 };

/** Least width of a column that gets narrower. */
const LEAST_CELLS = 8;
const GAP = "  ";
/** In front of what is expanded. */
const INDENT = "    ";

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
  const shown = visible(
    groups,
    selected,
    room,
    (group) => 1 + moreOf(state, words, group, width).length,
  );
  const all = columnsFor(state.grouping, words);
  const columns = wanted(all, shown) <= width ? all : all.filter(({ spare }) => !spare);
  const widths = widthsOf(columns, shown, width);
  const row = (cellOf: (column: Column) => string): string =>
    columns.map((column, index) => fitted(cellOf(column), widths[index]!, column.right))
      .join(GAP).trimEnd();
  const lines: ScreenLine[] = shown.flatMap((group) => [
    {
      text: row((column) => column.cell(group)),
      style: group === groups[selected] ? "selected" as const : "plain" as const,
    },
    ...moreOf(state, words, group, width),
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
    { title: "LAST", spare: true, cell: ({ latest }) => words.time(latest.time) },
    ...by.map((key): Column => ({
      title: TITLES[key],
      share: SHARES[key],
      cell: ({ values }) => values[key] ?? "",
    })),
  ];
}

function rateText(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : amount(Math.round(rate));
}

function natural({ title, cell }: Column, groups: readonly DropGroup[]): number {
  return groups.reduce((width, group) => Math.max(width, cellsOf(cell(group))), title.length);
}

/** Width that all columns take if none is cut. */
function wanted(columns: readonly Column[], groups: readonly DropGroup[]): number {
  return widthOf(columns.map((column) => natural(column, groups)));
}

function widthOf(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
}

/** As wide as the cells, but where they do not fit, what exceeds its share most gets narrower. */
function widthsOf(
  columns: readonly Column[],
  groups: readonly DropGroup[],
  most: number,
): number[] {
  const widths = columns.map((column) => natural(column, groups));
  const excess = (index: number): number => {
    const { share } = columns[index]!;
    return share === undefined || widths[index]! <= LEAST_CELLS ? 0 : widths[index]! / share;
  };
  while (widthOf(widths) > most) {
    const widest = widths.reduce(
      (best, _, index) => excess(index) > excess(best) ? index : best,
      0,
    );
    if (excess(widest) === 0) break;
    widths[widest]!--;
  }
  return widths;
}

/** The latest drop of an expanded group. */
function moreOf(
  state: TableState,
  words: DropPhrases,
  group: DropGroup,
  width: number,
): ScreenLine[] {
  if (!state.isExpanded(group)) return [];
  const { latest } = group;
  const vrf = latest.vrf === null ? "" : `VRF ${latest.vrf}  `;
  const lines = [
    `${words.time(latest.time)}  ${vrf}${words.packet(latest)}`,
    ...detailsOf(latest),
    ...words.hints(latest),
  ];
  const room = width - 2 * INDENT.length;
  return lines.flatMap((line) => wrapped(printable(line), room))
    .map(({ text, isRest }) => ({ text: INDENT.repeat(isRest ? 2 : 1) + text, style: "dim" }));
}

/** Text in lines of at most so many cells, cut between words; a longer word is a line of its own. */
function wrapped(
  text: string,
  cells: number,
): { readonly text: string; readonly isRest: boolean }[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) /)) {
    const last = lines.at(-1);
    if (last !== undefined && cellsOf(last) + 1 + cellsOf(word) <= cells) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(lines.length === 0 ? word : word.trimStart());
    }
  }
  return lines.map((line, index) => ({ text: line, isRest: index > 0 }));
}
