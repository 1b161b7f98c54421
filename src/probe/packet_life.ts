/**
 * The functions that show what becomes of a packet: which copy it, and which free it, after which its
 * address belongs to another one. A trace attaches to them whatever the user selected: bpf/identity.h
 * tells packets apart by them.
 *
 * @module
 */

import { VROUTER } from "../kernel/functions.ts";
import type { PacketFunction, PacketStruct } from "../kernel/packet_function.ts";
import { VMLINUX } from "../kernel/symbols.ts";
import type { LifeRole } from "./layout.ts";
import type { Target } from "./target.ts";

/** A target with its role. */
export type LifeTarget = Target & LifeRole;

/** The last one for most packets, and the first for those whose head has been released before. */
const FINISHING = "kfree_skbmem";

/**
 * A packet is being freed from these kernel functions on (net/core/skbuff.c, net/core/gro.c). Nearly all
 * packets reach the first; those already stripped by UDP's receiver reach the second; those whose data
 * GRO took over, the third; the last one reuses the sk_buff for another packet. In Debian's 6.1 and 6.12
 * none of them is inlined anywhere; the last function called for a packet varies, and some of those are
 * inlined.
 */
const RELEASING: readonly string[] = [
  "skb_release_head_state",
  FINISHING,
  "napi_skb_free_stolen_head",
  "napi_reuse_skb",
];

/** The function that copies packets and returns a list of copies. */
export const LISTING = "skb_segment";

/**
 * These return the copy, skb_segment() a list of segments (net/core/skbuff.c). Each of the other functions
 * that copy a packet calls one of them.
 */
const COPYING: readonly string[] = [
  "skb_clone",
  "__pskb_copy_fclone",
  "skb_copy",
  "skb_copy_expand",
  LISTING,
];

/**
 * Functions with which vrouter drops packets, and what they take before the reason: `lh_pfree()` nothing
 * but the packet, `lh_pfree_skb()` the vif, too.
 */
const DROPPING: ReadonlyMap<string, PacketStruct> = new Map([
  ["lh_pfree", "vr_packet"],
  ["lh_pfree_skb", "sk_buff"],
]);

/** Functions to attach to in any trace. */
export const LIFE: readonly string[] = [...RELEASING, ...COPYING];

/** These may be called after the release: functions that free the rest of a packet, and destructors. */
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

/**
 * Assigns the targets of a trace their roles in the life of a packet.
 *
 * @param targets functions to trace
 * @param others further functions: those of {@linkcode LIFE} that are not among the targets are attached
 * to as well, but not recorded
 * @returns the targets in their order, followed by those others
 */
export function withLife(targets: readonly Target[], others: readonly Target[]): LifeTarget[] {
  const traced = new Set(targets.map(nameOf));
  const silent = others.filter((fn) => isLife(roleOf(fn)) && !traced.has(nameOf(fn)));
  return [
    ...targets.map((fn) => ({ ...fn, ...roleOf(fn) })),
    ...silent.map((fn) => ({ ...fn, ...roleOf(fn), silent: true })),
  ];
}

/** Whether the ends of packets are seen at all. */
export function seesEnds(targets: readonly LifeTarget[]): boolean {
  return targets.some(({ end }) => end === "releases" || end === "finishes");
}

function nameOf({ module, name }: PacketFunction): string {
  return `${module}:${name}`;
}

function isLife({ end, copies }: LifeRole): boolean {
  return end === "releases" || end === "finishes" || copies === true;
}

/** Of modules only vrouter's count. */
function roleOf({ name, module, struct }: PacketFunction): LifeRole {
  if (module === VROUTER && DROPPING.get(name) === struct) return { drops: true };
  if (module !== VMLINUX) return {};
  if (name === FINISHING) return { end: "finishes" };
  if (RELEASING.includes(name)) return { end: "releases" };
  if (COPYING.includes(name)) return { copies: true };
  return FREEING.has(name) ? { end: "frees" } : {};
}
