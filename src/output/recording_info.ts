/**
 * What `vrft info` says of a recording.
 *
 * @module
 */

import type {
  ClockPair,
  RecordedTrigger,
  RecordingHeader,
  Selection,
} from "../recording/sections.ts";
import type { Survey } from "../recording/survey.ts";
import { amount, counted } from "../sys/amount.ts";
import { printable, printableJson } from "../sys/printable.ts";
import { universalTime } from "./drops/wall_clock.ts";

/** A recording. */
export interface RecordingInfo extends Survey {
  readonly header: RecordingHeader;
  readonly selection: Selection;
  /** `null` if there is none. */
  readonly clock: ClockPair | null;
  readonly functions: number;
  /** `null` without vrouter. */
  readonly vifs: number | null;
  readonly nexthops: number | null;
  /** Those with a name. */
  readonly tasks: number;
  /** What a flight recorder has written it for. */
  readonly triggers: readonly RecordedTrigger[];
  /** vrft's own, of the whole trace; `null` if it was cut. */
  readonly counters: Readonly<Record<string, number>> | null;
}

const NS_PER_SECOND = 1e9;

/** Lines for people. */
export function infoText(info: RecordingInfo): string {
  const { header, bytes, blocks, records } = info;
  const perEvent = records === 0 ? "" : `, ${(bytes / records).toFixed(1)} bytes an event`;
  const lines: [string, string][] = [
    ["host", `${header.host}, Linux ${header.kernel}, ${header.distribution}`],
    ["time", timeText(info)],
    ["traced", selectionText(info.selection)],
    ["by", `vrft ${header.vrft}`],
    ["has", namesText(info)],
    [
      "events",
      `${amount(records)} in ${counted(blocks, "block")} of ${counted(bytes, "byte")}${perEvent}`,
    ],
    ["lost", lostText(info)],
    ...triggerLines(info),
    ["end", endText(info)],
  ];
  return lines.map(([what, text]) => `${what.padEnd(8)}${printable(text)}\n`).join("");
}

/** A JSON object for programs. */
export function infoJson(info: RecordingInfo): string {
  const { header, selection, functions, vifs, nexthops, tasks, counters, ending } = info;
  const times = wallTimes(info);
  return printableJson({
    ...header,
    selection,
    start: times?.start ?? null,
    end: times?.end ?? null,
    functions,
    vifs,
    nexthops,
    tasks,
    bytes: info.bytes,
    blocks: info.blocks,
    events: info.records,
    lost: Math.max(info.lost, counters?.["lost"] ?? 0),
    missed: counters?.["missed"] ?? null,
    triggers: info.triggers.map(({ time, why }) => ({
      time: universalTime(time, offsetOf(info.clock)),
      why,
    })),
    state: ending.kind,
    why: ending.kind === "complete"
      ? ending.end.why
      : ending.kind === "damaged"
      ? ending.what
      : null,
  });
}

/** What was recorded, in words: `host 10.1.1.7; --vif tap1`. */
function selectionText({ expression, ...options }: Selection): string {
  const parts = typeof expression === "string" ? [expression] : [];
  for (const [name, value] of Object.entries(options)) {
    if (name === "backend" || name === "vrouter" || (name === "sample" && value === 1)) continue;
    const values = Array.isArray(value) ? value : value === null ? [] : [value];
    for (const each of values) parts.push(`--${name} ${each}`);
  }
  if (options["vrouter"] === false) parts.push("--no-vrouter");
  return parts.length === 0 ? "all packets" : parts.join("; ");
}

function namesText({ functions, vifs, nexthops, tasks }: RecordingInfo): string {
  const parts = [counted(functions, "function"), `names of ${counted(tasks, "task")}`];
  if (vifs !== null) parts.push(counted(vifs, "vif"));
  if (nexthops !== null) parts.push(counted(nexthops, "nexthop"));
  return parts.join(", ");
}

/** The first trigger, and how many followed. */
function triggerLines({ triggers, clock }: RecordingInfo): [string, string][] {
  const [first, ...others] = triggers;
  if (first === undefined) return [];
  const more = others.length === 0 ? "" : `, and ${amount(others.length)} more`;
  return [["trigger", `${first.why}, ${universalTime(first.time, offsetOf(clock))}${more}`]];
}

function lostText({ lost, counters }: RecordingInfo): string {
  if (counters === null) return `${counted(lost, "event")}, as far as it tells`;
  return `${counted(Math.max(lost, counters["lost"] ?? 0), "event")}, ${
    counted(counters["missed"] ?? 0, "probe hit")
  } missed`;
}

function endText({ ending, records }: RecordingInfo): string {
  switch (ending.kind) {
    case "complete":
      return ending.end.why;
    case "cut":
      return `cut behind ${these(records)}: the writer was killed, or the file is ` +
        "not all there";
    case "damaged":
      return `damaged behind ${these(records)}: ${ending.what}`;
  }
}

/** The events in front of the end of what can be read. */
function these(records: number): string {
  return records === 1 ? "this event" : `these ${amount(records)} events`;
}

function timeText(info: RecordingInfo): string {
  const times = wallTimes(info);
  if (times === null || info.times === null) return "no events";
  const seconds = Number(info.times.last - info.times.first) / NS_PER_SECOND;
  return `${times.start}, ${seconds.toFixed(3)} s`;
}

function wallTimes({ times, clock }: RecordingInfo): { start: string; end: string } | null {
  if (times === null) return null;
  const offset = offsetOf(clock);
  return {
    start: universalTime(times.first, offset),
    end: universalTime(times.last, offset),
  };
}

/** What the wall clock is ahead, in nanoseconds. */
function offsetOf(clock: ClockPair | null): bigint {
  // Whatever the file says, it is a date.
  return BigInt.asIntN(62, clock === null ? 0n : clock.realtime - clock.monotonic);
}
