/**
 * What the vrouter module knows: its flows and its drop counters.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { SandeshField, SandeshMessage } from "../../../src/vrouter/sandesh.ts";
import { ask } from "./requests.ts";

/** VP_DROP_* of the module, without that, by number. */
const REASONS = [
  "INVALID",
  "DISCARD",
  "PULL",
  "INVALID_IF",
  "INVALID_ARP",
  "TRAP_NO_IF",
  "NOWHERE_TO_GO",
  "FLOW_QUEUE_LIMIT_EXCEEDED",
  "FLOW_NO_MEMORY",
  "FLOW_INVALID_PROTOCOL",
  "FLOW_NAT_NO_RFLOW",
  "FLOW_ACTION_DROP",
  "FLOW_ACTION_INVALID",
  "FLOW_UNUSABLE",
  "FLOW_TABLE_FULL",
  "INTERFACE_TX_DISCARD",
  "INTERFACE_DROP",
  "DUPLICATED",
  "PUSH",
  "TTL_EXCEEDED",
  "INVALID_NH",
  "INVALID_LABEL",
  "INVALID_PROTOCOL",
  "INTERFACE_RX_DISCARD",
  "INVALID_MCAST_SOURCE",
  "HEAD_ALLOC_FAIL",
  "PCOW_FAIL",
  "MCAST_DF_BIT",
  "MCAST_CLONE_FAIL",
  "NO_MEMORY",
  "REWRITE_FAIL",
  "MISC",
  "INVALID_PACKET",
  "CKSUM_ERR",
  "NO_FMD",
  "CLONED_ORIGINAL",
  "INVALID_VNID",
  "FRAGMENTS",
  "INVALID_SOURCE",
  "L2_NO_ROUTE",
  "FRAGMENT_QUEUE_FAIL",
  "VLAN_FWD_TX",
  "VLAN_FWD_ENQ",
  "NEW_FLOWS",
  "FLOW_EVICT",
  "TRAP_ORIGINAL",
  "LEAF_TO_LEAF",
  "BMAC_ISID_MISMATCH",
  "PKT_LOOP",
  "NO_CRYPT_PATH",
  "INVALID_HBS_PKT",
  "NO_FRAG_ENTRY",
  "ICMP_ERROR",
  "CLONE_FAIL",
  "INVALID_UNDERLAY_ECMP",
] as const;

/** Values of VP_DROP_*. */
export const DROP = Object.fromEntries(
  REASONS.map((name, value) => [name, value]),
) as Readonly<Record<typeof REASONS[number], number>>;

/** The value of VP_DROP_`name`. */
export function reasonOf(name: string): number {
  const value = (DROP as Readonly<Record<string, number>>)[name];
  assert.ok(value !== undefined, `no reason ${name}`);
  return value;
}

const GET = 1;
/** Field of reason 1; from reason 2 on the field is the reason plus 4. */
const DISCARD_FIELD = 4;
/** VIF_FLAG_GET_DROP_STATS. */
const WITH_DROPS = 1;

function countersOf(answers: readonly SandeshMessage[]): Map<number, number> {
  const stats = answers.find(({ name }) => name === "vr_drop_stats_req");
  assert.ok(stats, "no drop counters");
  const counters = new Map<number, number>();
  for (const { id, value } of stats.fields) {
    if (value.type !== "i64" || value.value === 0n) continue;
    counters.set(id === DISCARD_FIELD ? 1 : id - 4, Number(value.value));
  }
  return counters;
}

function i32(id: number, value: number): SandeshField {
  return { id, value: { type: "i32", value } };
}

/** The drop counters that are not 0 by reason, of all CPUs together. */
export function dropCounters(): Map<number, number> {
  return countersOf(ask("vr_drop_stats_req", [i32(1, GET)]));
}

/** Those of a vif. */
export function vifDropCounters(vif: number): Map<number, number> {
  return countersOf(ask("vr_interface_req", [i32(1, GET), i32(4, WITH_DROPS), i32(6, vif)]));
}

/** By how much counters have grown since `before`: those of all vifs if not given. */
export function dropsSince(
  before: ReadonlyMap<number, number>,
  counters: ReadonlyMap<number, number> = dropCounters(),
): Map<number, number> {
  const grown = new Map<number, number>();
  for (const [reason, count] of counters) {
    const more = count - (before.get(reason) ?? 0);
    if (more !== 0) grown.set(reason, more);
  }
  return grown;
}

/** A flow of the module. */
export interface Flow {
  readonly index: number;
  readonly generation: number;
  readonly source: string;
  readonly destination: string;
  /** Of ICMP: the id. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** K(nh): of the vif, part of the key. */
  readonly nexthop: number;
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
    const columns = line.split(" ") as string[];
    const [index, generation, source, destination, sourcePort, destinationPort] = columns;
    const [nexthop, , action, packets, held] = columns.slice(7);
    return {
      index: Number(index),
      generation: Number(generation),
      source: source!,
      destination: destination!,
      sourcePort: Number(sourcePort),
      destinationPort: Number(destinationPort),
      nexthop: Number(nexthop),
      action: action!,
      packets: Number(packets),
      held: Number(held),
    };
  });
}
