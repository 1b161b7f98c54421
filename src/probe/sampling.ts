/**
 * Sampling: one packet in N is traced, with all its calls. The programs decide at the first call of a
 * packet and store the decision under its address. This file tells them which functions show the end of
 * a packet, after which the address belongs to another one.
 *
 * @module
 */

import type { PacketFunction } from "../kernel/packet_function.ts";
import { VMLINUX } from "../kernel/symbols.ts";
import type { Target } from "./target.ts";
import type { SamplingRole } from "./layout.ts";

/**
 * Number of stored decisions; beyond that, the least recently used is dropped. More than a busy host has
 * in its queues at once; takes 5 MB of kernel memory.
 */
export const SAMPLED_PACKETS = 65536;

/** Programs with a variant for sampled traces: those at entries. */
const SAMPLED_PROGRAMS = ["vrft_session", "vrft_multi_entry", "vrft_kprobe_entry"];

/**
 * A packet is being freed from these kernel functions on (net/core/skbuff.c, net/core/gro.c). Nearly all
 * packets reach the first; those already stripped by UDP's receiver reach the second; those whose data
 * GRO took over, the third; the last one reuses the sk_buff for another packet. In Debian's 6.1 and 6.12
 * none of them is inlined anywhere; the last function called for a packet varies, and some of those are
 * inlined.
 */
export const RELEASING: readonly string[] = [
  "skb_release_head_state",
  "kfree_skbmem",
  "napi_skb_free_stolen_head",
  "napi_reuse_skb",
];

/** These may be called after that: functions that free the rest of a packet, and destructors. */
const FREEING: ReadonlySet<string> = new Set([
  "skb_release_data",
  "skb_free_head",
  "napi_skb_cache_put",
  "__consume_stateless_skb",
  "msg_zerocopy_callback",
  "msg_zerocopy_complete",
  "sock_zerocopy_callback",
  "sock_wfree",
  "__sock_wfree",
  "sock_rfree",
  "sock_efree",
  "sock_pfree",
  "sock_ofree",
  "sock_edemux",
  "tcp_wfree",
  "sctp_wfree",
  "tpacket_destruct_skb",
  "xsk_destruct_skb",
]);

/** A target of a sampled trace. */
export type SampledTarget = Target & SamplingRole;

/** Whether `sample` excludes any packets. */
export function isSampled(sample: number): boolean {
  return sample > 1;
}

/** The program that a sampled trace uses instead of `name`. */
export function sampledProgram(name: string): string {
  return SAMPLED_PROGRAMS.includes(name) ? `${name}_sampled` : name;
}

/**
 * Assigns the targets of a sampled trace their roles in the life of a packet.
 *
 * @param targets functions to trace
 * @param others further functions: those that release packets and are not among the targets are
 * attached to as well, but not recorded
 * @returns the targets in their order, followed by those others
 */
export function sampledTargets(
  targets: readonly Target[],
  others: readonly Target[],
): SampledTarget[] {
  const traced = new Set(targets.map(({ address }) => address));
  const silent = others.filter((fn) => roleOf(fn).end === "releases" && !traced.has(fn.address));
  return [
    ...targets.map((fn) => ({ ...fn, ...roleOf(fn) })),
    ...silent.map((fn) => ({ ...fn, ...roleOf(fn), silent: true })),
  ];
}

/** Whether the ends of packets are seen at all. */
export function seesEnds(targets: readonly SampledTarget[]): boolean {
  return targets.some(({ end }) => end === "releases");
}

/** A module's function with one of the names does not count. */
function roleOf({ name, module }: PacketFunction): SamplingRole {
  if (module !== VMLINUX) return {};
  if (RELEASING.includes(name)) return { end: "releases" };
  return FREEING.has(name) ? { end: "frees" } : {};
}
