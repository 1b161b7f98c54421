/**
 * Sampling: one packet in N is traced, with all of its calls. The programs decide at the first call of
 * a packet and keep the decision under its address; here is what they must know to see that packet's
 * end, after which the address is another's.
 *
 * @module
 */

import type { PacketFunction } from "../kernel/packet_function.ts";
import { VMLINUX } from "../kernel/symbols.ts";
import type { Target } from "./target.ts";
import type { SamplingRole } from "./layout.ts";

/**
 * Packets whose decisions are kept; beyond, the one that has not been seen for longest is forgotten.
 * More than a busy host has in its queues at once; they take 5 MB of the kernel's memory.
 */
export const SAMPLED_PACKETS = 65536;

/** Programs that there is another one of for sampled traces: those that see entries. */
const SAMPLED_PROGRAMS = ["vrft_session", "vrft_multi_entry", "vrft_kprobe_entry"];

/**
 * From these functions of the kernel on, a packet is being freed (net/core/skbuff.c, net/core/gro.c).
 * Nearly all come through the first; those that UDP's receiver has stripped before, through the second;
 * those whose data GRO has taken over, through the third; the last one keeps the sk_buff for another
 * packet. In the machine code of Debian's 6.1 and 6.12 none of them is inlined anywhere; what comes
 * last is one of several functions, and some of those are.
 */
export const RELEASING: readonly string[] = [
  "skb_release_head_state",
  "kfree_skbmem",
  "napi_skb_free_stolen_head",
  "napi_reuse_skb",
];

/** These may be called after that: what frees the rest of a packet, and destructors of sk_buff. */
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

/** Whether one packet in `sample` is less than all. */
export function isSampled(sample: number): boolean {
  return sample > 1;
}

/** The program that a sampled trace has in place of `name`. */
export function sampledProgram(name: string): string {
  return SAMPLED_PROGRAMS.includes(name) ? `${name}_sampled` : name;
}

/**
 * Tells the targets of a sampled trace what they are in a packet's life.
 *
 * @param targets functions to trace
 * @param others where more functions can be had from: those that release packets and are not among the
 * targets are attached to all the same, without being recorded
 * @returns the targets, at their places, and behind them those others
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

/** Whether the end of any packet is seen. */
export function seesEnds(targets: readonly SampledTarget[]): boolean {
  return targets.some(({ end }) => end === "releases");
}

/** A module's function of one of the names is another one. */
function roleOf({ name, module }: PacketFunction): SamplingRole {
  if (module !== VMLINUX) return {};
  if (RELEASING.includes(name)) return { end: "releases" };
  return FREEING.has(name) ? { end: "frees" } : {};
}
