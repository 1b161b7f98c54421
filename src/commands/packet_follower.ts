/**
 * Follows packets by the records of a trace.
 *
 * @module
 */

import type { ShowItem } from "../cli/invocation.ts";
import type { PacketCounts } from "../output/packets/summary.ts";
import type { EventSink } from "../trace/events.ts";
import type { Journey } from "../trace/journey.ts";
import { Journeys, type JourneySources } from "../trace/journeys.ts";
import { MatchedPackets } from "../trace/matched_packets.ts";
import type { TracedFunction } from "../trace/packet_tracer.ts";
import { PacketTable } from "../trace/packets.ts";
import { CallTree } from "../trace/tree.ts";

/** Tells the journeys of packets. */
export interface PacketFollower extends Pick<EventSink, "record" | "lost"> {
  readonly counts: Omit<PacketCounts, "outcomes" | "hidden" | "incomplete">;
  /** Tells what has waited for something that does not come. @param now nanoseconds of CLOCK_MONOTONIC */
  expire(now: number): void;
  /** Tells what is under way. */
  finish(): void;
}

/** What packets are followed by. */
export interface FollowerOptions {
  readonly functions: readonly Pick<TracedFunction, "name">[];
  readonly sources: JourneySources;
  /** Whether only packets are told of which a record says that they match. */
  readonly conditional: boolean;
  /** Whether each journey has its calls. */
  readonly calls: boolean;
  /** What is shown of them besides their names; nothing by default. */
  readonly show?: readonly ShowItem[];
  /** Of more packets than those that are followed, as that of `PacketTable`. */
  readonly numbers?: PacketTable;
}

/**
 * Starts to follow packets.
 *
 * @param receive is told each journey that is over
 */
export function followPackets(
  { functions, sources, conditional, calls, show = [], numbers }: FollowerOptions,
  receive: (journey: Journey) => void,
): PacketFollower {
  const names = functions.map(({ name }) => name);
  const journeys = new Journeys(names, sources, (journey) => {
    if (!conditional || matched.has(journey.id)) receive(journey);
  }, { calls, details: show.length > 0 });
  const matched = new MatchedPackets(journeys);
  const tree = new CallTree(conditional ? matched : journeys, functions.length, {
    durations: show.includes("duration"),
    packets: new PacketTable(numbers),
  });
  return {
    get counts() {
      const { givenUp, unknown, ...totals } = journeys.totals;
      const omitted = totals.decisionsOmitted + totals.stagesOmitted + totals.callsOmitted;
      return { givenUp, unknown, omitted, damaged: tree.malformed };
    },
    record: (words, at, bytes) => tree.record(words, at, bytes),
    lost(ahead): void {
      tree.lost(ahead);
      journeys.lost(ahead);
    },
    expire: (now) => journeys.expire(now),
    finish(): void {
      tree.finish();
      journeys.finish();
    },
  };
}
