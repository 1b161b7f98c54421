/**
 * `vrft diff`: the ways of two groups of packets, and where they part.
 *
 * @module
 */

import type { DiffOptions } from "../cli/invocation.ts";
import type { Log } from "../output/log.ts";
import { summarizePackets } from "../output/packets/summary.ts";
import type { ObjectReader } from "../probe/backend.ts";
import { ComparedGroups } from "./compared_groups.ts";
import { followPackets } from "./packet_follower.ts";
import { PacketPrinter } from "./packet_output.ts";
import { startPackets } from "./packet_setup.ts";
import { record } from "./record.ts";
import { session, type TraceSignals } from "./session.ts";

/**
 * Traces two groups of packets until the user or a limit ends it, and compares them.
 *
 * @param readObject reads a BPF object of this program; called once it is clear that tracing can start
 * @returns exit status: whether they took the same ways
 * @throws {Failure} if an expression is wrong, or tracing is impossible
 */
export async function runDiff(
  options: DiffOptions,
  log: Log,
  signals: TraceSignals & { catch(): void },
  readObject: ObjectReader,
): Promise<number> {
  using groups = await ComparedGroups.open(options);
  // After names of hosts have been looked up, a wait that signals end.
  signals.catch();
  return await session(options, log, signals, async (around) => {
    return await startPackets(options, null, groups.filter, readObject, around);
  }, async (started, around) => {
    const { trace: { tracer, functions }, output } = started;
    const printer = new PacketPrinter({
      to: output,
      follow: (receive) => followPackets({ ...started, functions, calls: false }, receive),
      view: groups.view,
      wanted: () => true,
      log,
    });
    const status = await record({
      tracer,
      printer,
      turn: started.turn,
      options,
      signals,
      around,
      summary: (overhead) => summarizePackets(printer.counts, tracer.counts(), overhead),
    });
    return groups.status(status);
  });
}
