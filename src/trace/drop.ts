/**
 * A dropped packet, with all that is known of why: what `vrft drops` shows, one for each drop, however
 * many of the kernel's functions had to do with it.
 *
 * @module
 */

import type { DropClass } from "../vrouter/drop_reasons.ts";
import type { DropDirection } from "./drop_direction.ts";

export type { DropClass, DropDirection };

/** Who dropped it: vrouter (`lh_pfree()`, `lh_pfree_skb()`), or the kernel (`skb:kfree_skb`). */
export type DropSource = "vrouter" | "kernel";

/**
 * Whether a packet dropped like that is lost, or may be: nobody knows what an unknown reason means. One
 * that a policy drops is not, as somebody wants that.
 */
export function isLoss(kind: DropClass): boolean {
  return kind !== "policy" && kind !== "housekeeping";
}

/** Why a packet was dropped. */
export interface DropReason {
  /** Number in the enumeration of the source; of a kernel without reasons, -1. */
  readonly number: number;
  /** `VP_DROP_DISCARD`, `SKB_DROP_REASON_NO_SOCKET`; the number if the kernel's BTF has no name. */
  readonly name: string;
  /** As `dropstats` prints it: `Discards`; of the kernel the name without its prefix. */
  readonly label: string;
  readonly class: DropClass;
}

/** The vif that the packet came in by. */
export interface DropVif {
  /** `vif0/INDEX`. */
  readonly index: number;
  /** Its device, `tapdd789d34-27`; `null` if unknown. */
  readonly device: string | null;
}

/** The entry of the flow table that the packet was checked against. */
export interface DropFlow {
  readonly index: number;
  /** Index of the reverse flow; `null` if there is none. */
  readonly reverse: number | null;
  /** As `flow` prints it: `D(SG)`, `F`, `H`. */
  readonly action: string;
}

/** The last lookup of the packet in a routing or bridge table. */
export interface DropRoute {
  readonly vrf: number;
  /** The prefix that won (`10.30.0.0/16`), or the MAC address; `null` if nothing was found. */
  readonly key: string | null;
  readonly nexthop: DropNexthop | null;
}

/** A nexthop, in the words of `nh`. */
export interface DropNexthop {
  readonly id: number;
  /** `Drop`, `Encap`, `Tunnel`. */
  readonly type: string;
  /** Function that handles its packets: `nh_discard`; `null` if unknown. */
  readonly reach: string | null;
}

/** One dropped packet. */
export interface Drop {
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly time: bigint;
  readonly cpu: number;
  readonly source: DropSource;
  readonly reason: DropReason;
  /** What the reason's label hides: `hold limit reached`; `null` if it hides nothing, or it is unknown. */
  readonly cause: string | null;
  readonly vif: DropVif | null;
  /** Which way it went past that vif, or else the device; `null` if unknown. */
  readonly direction: DropDirection | null;
  /** VRF of that vif, where the packet began. */
  readonly vrf: number | null;
  /** Of the packet: the device that it is on, if it has one. */
  readonly device: string | null;
  /** Length of the packet in bytes, of which {@linkcode bytes} has the first. */
  readonly length: number;
  /** From its first header on, as filters see it. */
  readonly bytes: Uint8Array;
  readonly flow: DropFlow | null;
  readonly route: DropRoute | null;
  /** Nexthop that the packet was at. */
  readonly nexthop: DropNexthop | null;
  /** Names of the functions that led there, the dropping one first. */
  readonly stack: readonly string[];
}

/** The module's own counter of a reason beside what was seen of it. */
export interface Reconciled {
  readonly reason: DropReason;
  /** Vif, or `null` for the counter of all. */
  readonly vif: DropVif | null;
  /** What the module counted since the start of the trace. */
  readonly module: number;
  /** Drops seen of it, whether shown or not. */
  readonly seen: number;
  /** Why the two need not be equal (`counted without a free`), `null` if they should be. */
  readonly exception: string | null;
}
