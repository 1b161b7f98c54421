/**
 * The views of packets that the options of `vrft packets` ask for.
 *
 * @module
 */

import type { PacketsOptions } from "../cli/invocation.ts";
import { VROUTER } from "../kernel/functions.ts";
import { localTime } from "../output/drops/wall_clock.ts";
import type { LineWriter } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import { callObjects, callRows, type CallWords } from "../output/packets/calls.ts";
import { EachPacket } from "../output/packets/each.ts";
import { statisticsText } from "../output/packets/histogram.ts";
import { packetJson, pathJson, statisticsJson } from "../output/packets/json.ts";
import { packetLines, type PacketStyle } from "../output/packets/lines.ts";
import { pathsText } from "../output/packets/paths.ts";
import { SlowestFirst } from "../output/packets/slowest.ts";
import type { PacketView } from "../output/packets/view.ts";
import { hasEnded } from "../output/packets/words.ts";
import type { Shown } from "../output/view.ts";
import { counted } from "../sys/amount.ts";
import { wallClockOffset } from "../sys/clock.ts";
import { terminalSize } from "../sys/terminal.ts";
import { hintsFor } from "../trace/drop_phrases.ts";
import type { Journey } from "../trace/journey.ts";
import type { JourneyCalls } from "../trace/journey_calls.ts";
import type { TracedFunction } from "../trace/packet_tracer.ts";
import { Paths } from "../trace/paths.ts";
import { StageStatistics } from "../trace/stage_statistics.ts";
import { isColoured } from "./colour.ts";

const STDOUT = 1;
/** Cells of a line in a file or a pipe, and on a terminal at least and at most. */
const FILE_CELLS = 100;
const [LEAST_CELLS, MOST_CELLS] = [80, 132];

/** How packets look where the output goes. */
export function packetStyle(
  { output, hints, color }: Pick<PacketsOptions, "output" | "hints" | "color">,
  offset: bigint = wallClockOffset(),
): PacketStyle {
  const isTerminal = output === null && Deno.stdout.isTerminal();
  return {
    colour: isColoured(color, output),
    width: isTerminal
      ? Math.max(LEAST_CELLS, Math.min(MOST_CELLS, terminalSize(STDOUT).columns))
      : FILE_CELLS,
    time: (nanoseconds) => localTime(nanoseconds, offset),
    hints: hints ? hintsFor : null,
  };
}

/** What the calls of packets are shown by. */
export interface CallSources extends Pick<Shown, "results" | "vifs"> {
  /** Of the trace. */
  readonly functions: readonly TracedFunction[];
  /** Reasons for which vrouter drops packets, in words by their number. */
  readonly reasons: (number: number) => string;
}

/**
 * Opens the view that the options ask for.
 *
 * @param sources for the calls of packets
 * @param offset what the wall clock is ahead of the clock of records, in nanoseconds
 */
export function packetView(
  options: PacketsOptions,
  sources: CallSources,
  writer: LineWriter,
  log: Log,
  offset: bigint = wallClockOffset(),
): PacketView {
  const words = callWords(options, sources);
  const print = options.json
    ? jsonPrinter(options, words, writer, offset)
    : linesPrinter(options, words, writer, offset);
  const statistics = new StageStatistics();
  const shown = shownView(options, print, writer, log);
  return {
    get isFull() {
      return shown.isFull;
    },
    packet(journey, isWanted): void {
      if (hasEnded(journey)) statistics.add(journey);
      if (isWanted) shown.packet(journey, isWanted);
    },
    finish(): void {
      shown.finish();
      if (options.quiet || statistics.total.count === 0) return;
      if (options.json) writer.text(statisticsJson(statistics));
      else writer.text(`\n${statisticsText(statistics)}`);
    },
  };
}

/** The view of single packets, or of paths. */
function shownView(
  options: PacketsOptions,
  print: (journey: Journey) => void,
  writer: LineWriter,
  log: Log,
): PacketView {
  if (options.by !== null) return pathsView(options, writer, log);
  if (options.order === "end") return new EachPacket(print, options.limit);
  const slowest = new SlowestFirst(print, options.limit);
  return {
    isFull: false,
    packet: (journey) => slowest.packet(journey),
    finish(): void {
      slowest.finish();
      if (slowest.leftOut > 0) {
        log.info(`Left out ${counted(slowest.leftOut, "packet")} faster than those printed`);
      }
    },
  };
}

function pathsView(
  { limit, rare, json }: PacketsOptions,
  writer: LineWriter,
  log: Log,
): PacketView {
  const paths = new Paths();
  return {
    isFull: false,
    packet: (journey) => paths.add(journey),
    finish(): void {
      const all = paths.groups(rare ? "rare" : "frequent");
      const groups = limit === null ? all : all.slice(0, limit);
      writer.text(json ? groups.map(pathJson).join("") : pathsText(groups, paths.count));
      const omitted = all.length - groups.length;
      if (omitted > 0) log.info(`Left out ${counted(omitted, "path")}`);
      if (paths.leftOut > 0) {
        log.info(
          `Left out ${counted(paths.leftOut, "packet")} on further paths: there are too many`,
        );
      }
    },
  };
}

function callWords(
  { show, color, output }: PacketsOptions,
  { functions, reasons, results, vifs }: CallSources,
): CallWords {
  return {
    functions: functions.map(({ name }) => name),
    reasons,
    shown: {
      items: new Set(show),
      colour: isColoured(color, output),
      results,
      isVrouter: functions.map(({ module }) => module === VROUTER),
      vifs,
    },
  };
}

function jsonPrinter(
  { hints }: PacketsOptions,
  words: CallWords,
  writer: LineWriter,
  offset: bigint,
): (journey: Journey) => void {
  const style = {
    offset,
    hints: hints ? hintsFor : null,
    calls: (calls: JourneyCalls) => callObjects(calls, words),
  };
  return (journey) => writer.text(packetJson(journey, style));
}

function linesPrinter(
  options: PacketsOptions,
  words: CallWords,
  writer: LineWriter,
  offset: bigint,
): (journey: Journey) => void {
  const style = packetStyle(options, offset);
  const calls = callRows(writer, words);
  return (journey) => {
    writer.text(packetLines(journey, style).map((line) => `${line}\n`).join(""));
    calls(journey);
  };
}
