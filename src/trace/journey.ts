/**
 * What happened to a packet in vrouter: where it came in, what was decided about it, how long that took,
 * and what became of it. `vrft packets` shows one of these for each packet.
 *
 * @module
 */

import type { StageName } from "../vrouter/stages.ts";
import type { Drop, DropVif } from "./drop.ts";
import type { JourneyCalls } from "./journey_calls.ts";

export { type StageName, STAGES, WAITS } from "../vrouter/stages.ts";

/** A part of a packet's time. The next one begins where it ends, so their sum is the packet's time. */
export interface Stage {
  readonly name: StageName;
  /** Nanoseconds. */
  readonly duration: number;
}

/** A nexthop, in the words of `nh`. */
export interface Nexthop {
  readonly id: number;
  /** `Tunnel`, `Encap`, `Drop`; empty if unknown. */
  readonly type: string;
  /** `MPLSoUDP`, `Ecmp`, `Policy`: those of its flags that `nh` prints. */
  readonly flags: readonly string[];
  /** Vif of its device; `null` if it has none. */
  readonly vif: DropVif | null;
  /** Ends of a tunnel, `10.0.0.1` and `10.0.0.2`; `null` otherwise. */
  readonly source: string | null;
  readonly destination: string | null;
}

/** One decision, in the order in which they were made; of `type` what `vrft packets --json` prints. */
export type Decision =
  /** A lookup in a bridge table (`key` is a MAC address) or in a routing table (`key` is an IP address). */
  | {
    readonly type: "bridge" | "route";
    readonly vrf: number | null;
    readonly key: string;
    /** The prefix that won, `10.30.0.0/16`; `null` of a bridge table. */
    readonly prefix: string | null;
    /** `null` if nothing was found. */
    readonly nexthop: Nexthop | null;
    /** Label or VNI of the route; `null` if it has none. */
    readonly label: number | null;
  }
  /** What a label or VNI of a packet from the fabric led to; `null` if it led to nothing. */
  | {
    readonly type: "label" | "vni";
    readonly number: number;
    readonly nexthop: Nexthop | null;
  }
  /** A nexthop that the packet went through and that no lookup above has just named. */
  | { readonly type: "nexthop"; readonly nexthop: Nexthop; readonly label: number | null }
  | {
    readonly type: "flow";
    readonly index: number;
    readonly reverse: number | null;
    /** As `flow` prints it: `F`, `D(SG)`, `N`, `H`. */
    readonly action: string;
    /** `FLOW_FORWARD`, `FLOW_HELD`; `null` if unknown. */
    readonly result: string | null;
  }
  | {
    readonly type: "nat";
    /** `10.1.1.5:40112 > 10.2.0.9:443 tcp`. */
    readonly before: string | null;
    readonly after: string | null;
  }
  | {
    readonly type: "rpf";
    readonly result: "ok" | "failed" | "moved";
    /** Nexthop that the source has to belong to. */
    readonly expected: Nexthop;
    readonly vif: number | null;
    readonly outerSource: string | null;
  }
  | { readonly type: "ecmp"; readonly nexthop: Nexthop; readonly member: number }
  | { readonly type: "vrf"; readonly from: number | null; readonly to: number }
  | { readonly type: "mtu"; readonly mtu: number | null; readonly tooBig: boolean }
  | { readonly type: "trap"; readonly vrf: number | null; readonly reason: string };

/** What became of a packet. */
export type Outcome =
  /** Handed to the driver of a device that leads out of the host. */
  | { readonly type: "left"; readonly vif: DropVif | null; readonly device: string | null }
  /** Handed to a guest's tap, or to the host's stack. */
  | {
    readonly type: "delivered";
    readonly to: "tap" | "host" | "agent";
    readonly vif: DropVif | null;
    readonly device: string | null;
  }
  | { readonly type: "dropped"; readonly drop: Drop }
  /** Given to the agent, which has it now; `answer` is what it was seen to do about it. */
  | { readonly type: "trapped"; readonly reason: string; readonly answer: string | null }
  /** Still waits for the agent to decide about its flow, or was evicted from that queue. */
  | { readonly type: "held"; readonly evicted: boolean }
  /** Copies went on in its place; its own freeing is no loss. */
  | { readonly type: "replicated"; readonly copies: number }
  /** Merged with others of its connection. */
  | { readonly type: "consumed by GRO" }
  /** Freed by vrouter or the kernel for no reason that was seen. */
  | { readonly type: "consumed" }
  /** When the trace ended. */
  | { readonly type: "inside" }
  /** Another packet has taken its slot: see `PacketTotals.outOfSight`. */
  | { readonly type: "lost from sight" };

/** A packet. */
export interface Journey {
  /** As in all views. */
  readonly id: number;
  /** Of the packet that it was copied from. */
  readonly parent: number | null;
  /** Its {@linkcode number}, as it may end later; `null` if there is none, or it has no journey. */
  readonly parentNumber: number | null;
  /** `#17`, the same in all views of a trace: see `PacketTable.number()`. */
  readonly number: number;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly begin: bigint;
  /** Nanoseconds; the sum of {@linkcode stages}. */
  readonly duration: number;
  readonly stages: readonly Stage[];
  /** Where it came in. */
  readonly vif: DropVif | null;
  readonly vrf: number | null;
  readonly device: string | null;
  readonly length: number;
  /** From its first header on, as filters see it. */
  readonly bytes: Uint8Array;
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome;
  /** Whether records were lost while it was on its way, so that parts may be missing. */
  readonly isIncomplete: boolean;
  /** Its calls, if they are kept. */
  readonly calls?: JourneyCalls;
}
