/**
 * Packets as text: a line for each, with its time and what became of it, and below that its way through
 * vrouter, with the time of each stage.
 *
 * @module
 */

import { printable } from "../../sys/printable.ts";
import type { Drop } from "../../trace/drop.ts";
import {
  type Decision,
  type Journey,
  type Outcome,
  type Stage,
  type StageName,
  WAITS,
} from "../../trace/journey.ts";
import { cellsOf } from "../cells.ts";
import {
  decisionText,
  dropText,
  outcomeText,
  packetText,
  placeText,
  stageText,
  timeText,
} from "./words.ts";

/** How packets look. */
export interface PacketStyle {
  readonly colour: boolean;
  /** Cells of a line; what cannot be broken may be longer. */
  readonly width: number;
  /** Local time of a time of CLOCK_MONOTONIC: `14:03:07.412`. */
  readonly time: (nanoseconds: bigint) => string;
  /** Commands that tell more of a drop; `null` to leave them out. */
  readonly hints: ((drop: Drop) => readonly string[]) | null;
}

/** Parts of a packet's way, in the order of their lines. */
const PARTS = ["in", "flow", "lookup", "out"] as const;
type Part = typeof PARTS[number];

/** By stage: the part at whose line its time stands. */
const PART_OF: Readonly<Record<StageName, Part>> = {
  "rx": "in",
  "rps-queue": "in",
  "gro": "in",
  "flow": "flow",
  "hold": "flow",
  "nexthop": "lookup",
  "encap": "out",
  "tx": "out",
  "qdisc": "out",
};

const BOLD = "1";
const DIM = "2";
const RED = "31";
const GREEN = "32";
const YELLOW = "33";
const MAGENTA = "35";
const CYAN = "36";

/** A line below a packet's own, in the colour of a terminal. */
export interface PacketLine {
  readonly text: string;
  readonly colour: string | null;
}

/** The same before it is laid out. */
interface Line extends PacketLine {
  readonly part: Part | null;
  readonly stages: Stage[];
}

const INDENT = "   ";
/** Width of the column on the right: two stages, `encap 1.9 µs, tx 10.0 µs`. */
const RIGHT_CELLS = 24;
const GAP = "  ";

/**
 * The lines of a packet, without line ends.
 *
 * @example
 * ```text
 * #17  10.1.1.5 > 10.1.1.7 icmp echo request, 98 bytes         18.2 µs  left bond0
 *    14:03:07.412  vif0/4 tapdd789d34-27  VRF 2                         rx 2.1 µs
 *    flow 184224<=>512  Action:F                                        flow 1.0 µs
 *    L2 02:ae:00:00:00:07 > nh 57 Tunnel MPLSoUDP 10.0.0.1 > 10.0.0.2  label 25
 *                                                                       nexthop 3.2 µs
 *    vif0/0 bond0                                                       tx 11.9 µs
 * ```
 */
export function packetLines(journey: Journey, style: PacketStyle): string[] {
  const lines = linesBelow(journey, style);
  place(journey.stages, lines);
  return [
    ...headline(journey, style),
    ...lines.flatMap((line) => laidOut(line, style)),
  ];
}

/** The lines below a packet's own, without the times of stages. */
export function wayOf(
  journey: Journey,
  style: Pick<PacketStyle, "time" | "hints">,
): readonly PacketLine[] {
  return linesBelow(journey, style).filter(({ text }) => text !== "");
}

function linesBelow(journey: Journey, style: Pick<PacketStyle, "time" | "hints">): Line[] {
  return [entry(journey, style), ...decisions(journey), ...end(journey, style)];
}

/** Number, packet, time and outcome. */
function headline(journey: Journey, style: PacketStyle): string[] {
  const { number, parent, parentNumber, outcome, duration, isIncomplete } = journey;
  const copy = parent === null ? "" : parentNumber === null ? "copy" : `copy of #${parentNumber}`;
  const name = `#${number}`;
  const left = [name, copy, packetText(journey)].filter((part) => part !== "").join(GAP);
  const time = timeText(duration);
  const what = outcomeText(outcome) + (isIncomplete ? " (events lost)" : "");
  const right = `${time}${GAP}${paint(style, colourOf(outcome), what)}`;
  const column = style.width - RIGHT_CELLS;
  const cells = cellsOf(time) + GAP.length + cellsOf(what);
  // The time ends where the outcomes begin; if there is no room, as near to that as there is.
  const start = Math.max(0, Math.min(column - GAP.length - cellsOf(time), style.width - cells));
  const used = cellsOf(left) + GAP.length;
  const title = (text: string): string =>
    paint(style, BOLD, text.slice(0, name.length)) + text.slice(name.length);
  if (used <= start) return [`${title(left)}${" ".repeat(start - used + GAP.length)}${right}`];
  if (used + cells <= style.width) return [`${title(left)}${GAP}${right}`];
  const [outer = "", inner] = cellsOf(left) > style.width ? left.split(/ (?=\| )/) : [left];
  const alone = `${" ".repeat(start)}${right}`;
  if (inner === undefined) return [title(outer), alone];
  const rest = `${INDENT}${inner}`;
  const gap = start - cellsOf(rest);
  if (gap < GAP.length) return [title(outer), rest, alone];
  return [title(outer), `${rest}${" ".repeat(gap)}${right}`];
}

/** When and where it came in. */
function entry(
  { begin, vif, device, vrf }: Journey,
  { time }: Pick<PacketStyle, "time">,
): Line {
  const parts = [time(begin), placeText(vif, device), vrf === null ? "" : `VRF ${vrf}`];
  return line("in", parts.filter((part) => part !== "").join(GAP));
}

function decisions({ vrf, decisions }: Journey): Line[] {
  let current = vrf;
  return decisions.flatMap((decision) => {
    const text = decisionText(decision, current);
    if (decision.type === "vrf") current = decision.to;
    return text === null ? [] : [line(partOf(decision), text, decisionColour(decision))];
  });
}

/** Where it went, or why it did not. */
function end({ outcome, decisions }: Journey, style: Pick<PacketStyle, "hints">): Line[] {
  switch (outcome.type) {
    case "left":
    case "delivered": {
      const text = placeText(outcome.vif, outcome.device);
      return text === "" ? [] : [line("out", text)];
    }
    case "dropped": {
      const text = dropText(outcome.drop, decisions);
      const hints = style.hints?.(outcome.drop) ?? [];
      return [
        ...text === "" ? [] : [line("out", text, RED)],
        ...hints.map((hint) => line(null, printable(hint), DIM)),
      ];
    }
    case "trapped":
      return outcome.answer === null
        ? []
        : [line("out", `the agent: ${printable(outcome.answer)}`, CYAN)];
    default:
      return [];
  }
}

function line(part: Part | null, text: string, colour: string | null = null): Line {
  return { part, text, colour, stages: [] };
}

function partOf({ type }: Decision): Part | null {
  switch (type) {
    case "flow":
      return "flow";
    case "bridge":
    case "route":
    case "label":
    case "vni":
    case "nexthop":
      return "lookup";
    default:
      return null;
  }
}

function decisionColour(decision: Decision): string | null {
  switch (decision.type) {
    case "trap":
      return CYAN;
    case "rpf":
    case "mtu":
      return YELLOW;
    case "bridge":
    case "route":
    case "label":
    case "vni":
      return decision.nexthop === null ? RED : null;
    default:
      return null;
  }
}

/** Puts each stage at the last line of its part, or of the nearest part before that has one. */
function place(stages: readonly Stage[], lines: readonly Line[]): void {
  for (const stage of summed(stages)) {
    if (stage.duration === 0) continue;
    for (let index = PARTS.indexOf(PART_OF[stage.name]); index >= 0; index--) {
      const found = lines.findLast(({ part }) => part === PARTS[index]);
      if (found === undefined) continue;
      found.stages.push(stage);
      break;
    }
  }
}

/** Each stage once, with the sum of its times: a packet may be in one several times, as in tx. */
function summed(stages: readonly Stage[]): Stage[] {
  const times = new Map<StageName, number>();
  for (const { name, duration } of stages) times.set(name, (times.get(name) ?? 0) + duration);
  return [...times].map(([name, duration]) => ({ name, duration }));
}

/** A line with its stages in the column on the right, or as near to that as there is room. */
function laidOut({ text, colour, stages }: Line, style: PacketStyle): string[] {
  const left = `${INDENT}${paint(style, colour, text)}`;
  const used = INDENT.length + cellsOf(text) + GAP.length;
  const column = style.width - RIGHT_CELLS;
  const result: string[] = [];
  for (const row of rowsOf(stages)) {
    const right = row.map((stage) => paintStage(style, stage)).join(", ");
    const start = used <= column ? column : used;
    if (result.length === 0 && start + rowCells(row) <= style.width) {
      result.push(`${left}${" ".repeat(start - used + GAP.length)}${right}`);
    } else {
      if (result.length === 0) result.push(left);
      result.push(`${" ".repeat(column)}${right}`);
    }
  }
  return result.length === 0 ? [left] : result;
}

function paintStage(style: PacketStyle, stage: Stage): string {
  return paint(style, WAITS.has(stage.name) ? YELLOW : DIM, stageText(stage));
}

function rowCells(row: readonly Stage[]): number {
  return row.reduce((sum, stage) => sum + cellsOf(stageText(stage)) + 2, -2);
}

/** As many stages on a row as it has room for. */
function rowsOf(stages: readonly Stage[]): Stage[][] {
  const rows: Stage[][] = [];
  for (const stage of stages) {
    const row = rows.at(-1);
    if (row !== undefined && rowCells([...row, stage]) <= RIGHT_CELLS) row.push(stage);
    else rows.push([stage]);
  }
  return rows;
}

/** The colour that a terminal shows it in; `null` for that of other text. */
export function colourOf(outcome: Outcome): string | null {
  switch (outcome.type) {
    case "left":
    case "delivered":
      return GREEN;
    case "dropped":
      return outcome.drop.reason.class === "policy" ? YELLOW : RED;
    case "trapped":
      return CYAN;
    case "held":
    case "inside":
      return YELLOW;
    case "lost from sight":
      return MAGENTA;
    default:
      return DIM;
  }
}

function paint({ colour }: PacketStyle, code: string | null, text: string): string {
  return colour && code !== null && text !== "" ? `\x1b[${code}m${text}\x1b[m` : text;
}
