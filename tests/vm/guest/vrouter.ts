/**
 * What the vrouter module knows: its flows and its drop counters.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NetlinkClient } from "../../../src/sys/netlink.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../../../src/sys/netlink_socket.ts";
import { lookUpFamily, requestSandesh } from "../../../src/vrouter/genetlink.ts";
import { decodeMessages, encodeMessages } from "../../../src/vrouter/sandesh.ts";

/** Values of VP_DROP_*. */
export const DROP = {
  DISCARD: 1,
  TRAP_NO_IF: 5,
  FLOW_QUEUE_LIMIT_EXCEEDED: 7,
  FLOW_ACTION_DROP: 11,
  FLOW_UNUSABLE: 13,
  DUPLICATED: 17,
  INVALID_NH: 20,
  CLONED_ORIGINAL: 35,
  L2_NO_ROUTE: 39,
} as const;

const GET = 1;
/** Field of reason 1; from reason 2 on the field is the reason plus 4. */
const DISCARD_FIELD = 4;

/** The drop counters that are not 0 by reason, of all CPUs together. */
export function dropCounters(): Map<number, number> {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  const client = new NetlinkClient(socket);
  const request = encodeMessages([{
    name: "vr_drop_stats_req",
    fields: [{ id: 1, value: { type: "i32", value: GET } }],
  }]);
  const answers = requestSandesh(client, lookUpFamily(client, "vrouter"), request);
  const stats = answers.flatMap(decodeMessages).find(({ name }) => name === "vr_drop_stats_req");
  assert.ok(stats, "no drop counters");
  const counters = new Map<number, number>();
  for (const { id, value } of stats.fields) {
    if (value.type !== "i64" || value.value === 0n) continue;
    counters.set(id === DISCARD_FIELD ? 1 : id - 4, Number(value.value));
  }
  return counters;
}

/** By how much the counters of all reasons have grown since `before`. */
export function dropsSince(before: ReadonlyMap<number, number>): Map<number, number> {
  const grown = new Map<number, number>();
  for (const [reason, count] of dropCounters()) {
    const more = count - (before.get(reason) ?? 0);
    if (more !== 0) grown.set(reason, more);
  }
  return grown;
}

/** A flow of the module. */
export interface Flow {
  readonly index: number;
  readonly source: string;
  readonly destination: string;
  /** Of ICMP: the id. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** D(rop), H(old) or F(orward). */
  readonly action: string;
  /** Packets that it has seen. */
  readonly packets: number;
  /** Packets in its queue. */
  readonly held: number;
}

/** All flows; only vifs with policy have any. */
export function flows(): Flow[] {
  const lines = Deno.readTextFileSync("/proc/vrouter_flow").split("\n").filter((line) =>
    line !== ""
  );
  return lines.map((line) => {
    const [index, , source, destination, sourcePort, destinationPort, , , , action, packets, held] =
      line.split(" ") as string[];
    return {
      index: Number(index),
      source: source!,
      destination: destination!,
      sourcePort: Number(sourcePort),
      destinationPort: Number(destinationPort),
      action: action!,
      packets: Number(packets),
      held: Number(held),
    };
  });
}
