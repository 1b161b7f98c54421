/**
 * `vrft packets --from` and `vrft diff --from`: the packets of a recording.
 *
 * @module
 */

import type { DiffOptions, PacketsOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { summarizePackets } from "../output/packets/summary.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { decisionWords } from "../trace/decision_words.ts";
import { dropReasons } from "../trace/drop_words.ts";
import { DropMaker } from "../trace/drops.ts";
import type { JourneySources } from "../trace/journeys.ts";
import { ComparedGroups } from "./compared_groups.ts";
import { type FollowerOptions, followPackets } from "./packet_follower.ts";
import { PacketPrinter } from "./packet_output.ts";
import { packetView } from "./packet_views.ts";
import { alsoTo, isWanted } from "./packets.ts";
import { exportOf, Replay } from "./replay.ts";
import type { TraceSignals } from "./session.ts";
import { openOutput } from "./trace_output.ts";

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
  using replay = await Replay.open(path, options, log, signals);
  replay.describe(log);
  using exported = await exportOf(options.otlp, replay, "packets", log);
  const { functions, wallOffset } = replay;
  const results = replay.resultsFor(options.show);
  const reasons = dropReasons(replay.enums.vrouter);
  using to = await openOutput(options.output, log, replay.signals.stop);
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
  const status = await replay.run(printer, printer, filter, log);
  await exported?.finish(replay.signals.cut);
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
  using groups = await ComparedGroups.open(options);
  signals.catch();
  using replay = await Replay.open(path, options, log, signals);
  replay.describe(log);
  using to = await openOutput(options.output, log, replay.signals.stop);
  const printer = new PacketPrinter({
    to,
    follow: (receive) => followPackets(followerOptions(replay, false), receive),
    view: groups.view,
    wanted: () => true,
    clock: replay.now,
    log,
  });
  const status = await replay.run(printer, printer, groups.filter, log);
  log.info(summarizePackets(printer.counts, replay.counts, null));
  return groups.status(status);
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
