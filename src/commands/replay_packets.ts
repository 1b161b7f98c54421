/**
 * `vrft packets --from` and `vrft diff --from`: the packets of a recording.
 *
 * @module
 */

import type { DiffOptions, PacketsOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { ComparingView } from "../output/packets/comparison.ts";
import { diffText } from "../output/packets/diff.ts";
import { diffJson } from "../output/packets/json.ts";
import { summarizePackets } from "../output/packets/summary.ts";
import { compileFilters, type PacketFilter } from "../packet/expression.ts";
import { TwoGroups } from "../packet/two_groups.ts";
import { decisionWords } from "../trace/decision_words.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { DropMaker } from "../trace/drops.ts";
import type { JourneySources } from "../trace/journeys.ts";
import { type FollowerOptions, followPackets } from "./packet_follower.ts";
import { PacketPrinter } from "./packet_output.ts";
import { packetView } from "./packet_views.ts";
import { alsoTo, isWanted } from "./packets.ts";
import { exportOf, Replay } from "./replay.ts";
import type { TraceSignals } from "./session.ts";
import { openOutput } from "./trace_output.ts";

/** Exit statuses of a comparison, as of diff(1). */
const SAME = 0;
const DIFFERENT = 1;
const TROUBLE = 2;

/**
 * Prints packets.
 *
 * @param path of the recording; `-` for stdin
 * @param filter those of the options, compiled
 * @returns exit status
 * @throws {Failure} if it cannot be read
 */
export async function replayPackets(
  path: string,
  options: PacketsOptions,
  filter: PacketFilter | null,
  log: Log,
  signals: TraceSignals,
): Promise<number> {
  using replay = new Replay(path, options);
  replay.describe(log);
  using exported = await exportOf(options.otlp, replay, "packets", log);
  const { functions, wallOffset } = replay;
  const results = replay.resultsFor(options.show);
  const reasons = dropReasons(replay.enums.vrouter);
  using to = await openOutput(options.output, log, signals.stop);
  const printer = new PacketPrinter({
    to,
    follow: (receive) =>
      followPackets({ ...followerOptions(replay, options.calls), show: options.show }, receive),
    view: (writer) =>
      alsoTo(
        exported,
        options,
        packetView(
          options,
          {
            functions,
            results,
            reasons: (number) => reasons.reason(number).label,
            vifs: replay.vifs,
          },
          writer,
          log,
          wallOffset,
        ),
      ),
    wanted: (journey) => isWanted(options, journey),
    clock: replay.now,
    beside: exported,
    log,
  });
  const status = await replay.run(printer, printer, filter, signals, log);
  await exported?.finish(signals.cut);
  log.info(summarizePackets(printer.counts, replay.counts, null));
  return status;
}

/**
 * Compares two groups of packets.
 *
 * @param path of the recording; `-` for stdin
 * @returns exit status: whether they took the same ways
 * @throws {Failure} if an expression is wrong, or the recording cannot be read
 */
export async function replayDiff(
  path: string,
  options: DiffOptions,
  log: Log,
  signals: TraceSignals & { catch(): void },
): Promise<number> {
  using groups = await TwoGroups.open(options.expressions);
  const filters = await compileFilters({ ...options.filters, any: null });
  const filter = { outer: null, inner: null, ...filters, any: groups.filter };
  signals.catch();
  using replay = new Replay(path, options);
  replay.describe(log);
  using to = await openOutput(options.output, log, signals.stop);
  let view: ComparingView | undefined;
  const printer = new PacketPrinter({
    to,
    follow: (receive) => followPackets(followerOptions(replay, false), receive),
    view: (writer) =>
      view = new ComparingView(
        options.expressions,
        ({ bytes, length }) => groups.groupOf(bytes, length),
        (found) => writer.text(options.json ? diffJson(found) : diffText(found)),
        options.limit,
      ),
    wanted: () => true,
    clock: replay.now,
    log,
  });
  const status = await replay.run(printer, printer, filter, signals, log);
  log.info(summarizePackets(printer.counts, replay.counts, null));
  if (status !== 0) return TROUBLE;
  return view?.isSame ? SAME : DIFFERENT;
}

function followerOptions(replay: Replay, calls: boolean): FollowerOptions {
  const { functions, conditional, numbers } = replay;
  return { functions, sources: journeySources(replay), conditional, calls, numbers };
}

/** What the journeys of a recording are told by. */
export function journeySources(replay: Replay): JourneySources {
  const { dropSources } = replay;
  const drops = new DropMaker(dropSources);
  return {
    words: decisionWords(replay.enums.vrouter),
    vifs: replay.vifs,
    vrouterNetns: dropSources.vrouterNetns,
    device: dropSources.device,
    drop: (words) => drops.drop(words),
    nexthop: replay.nexthop,
  };
}
