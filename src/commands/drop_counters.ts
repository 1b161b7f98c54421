/**
 * Reads the module's drop counters, of all packets and of each vif.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../sys/netlink_socket.ts";
import type { DropCounters } from "../trace/reconcile.ts";
import {
  type DropCount,
  type DropCounterFields,
  readDropStats,
  readVifDropStats,
} from "../vrouter/drop_stats.ts";

/** Vifs whose counters are read: each takes a system call. */
const MAXIMUM_VIFS = 256;

/**
 * Reads the counters.
 *
 * @param vifs indexes of the vifs that there are; of too many, none is read
 * @param fields of the module's messages
 * @throws {Failure} if the module does not answer
 */
export function readDropCounters(
  vifs: readonly number[],
  fields: DropCounterFields,
): DropCounters {
  using socket = new NetlinkSocket(NETLINK_GENERIC);
  const all = byName(readDropStats(socket, null, fields));
  const ofVifs = new Map<number, ReadonlyMap<string, number>>();
  if (vifs.length > MAXIMUM_VIFS) return { all, vifs: ofVifs };
  for (const index of vifs) {
    try {
      ofVifs.set(index, byName(readVifDropStats(socket, index, fields)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // It is gone, or the module is too old.
    }
  }
  return { all, vifs: ofVifs };
}

function byName(counts: readonly DropCount[]): Map<string, number> {
  return new Map(counts.map(({ name, count }) => [name, count]));
}
