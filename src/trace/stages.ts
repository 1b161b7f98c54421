/**
 * The stages of a packet, and the functions between them: docs/packets.md has the same table. A packet is
 * in one stage at a time, and goes to the next one when one of these functions is called for it. All other
 * functions change nothing, so stages do not depend on how many functions are traced.
 *
 * @module
 */

import { type StageName, STAGES } from "./journey.ts";

/** What the call of a function says about its packet. */
export interface Boundary {
  /** The stage that begins with the call. */
  readonly stage: StageName;
  /** Only in one of these stages does it begin another; in any by default. */
  readonly from?: readonly StageName[];
  /** The packet comes in: it begins its way, or has ended a wait. */
  readonly enters?: true;
  /** The stage ends when the call returns, and the packet is on its way to its nexthop. */
  readonly returns?: true;
  /** The packet is handed over when the call returns, unless it waits in a queue then. */
  readonly hands?: true;
}

const LEAVING: readonly StageName[] = ["tx", "qdisc"];

const RX: Boundary = { stage: "rx", enters: true };
const GRO: Boundary = { stage: "gro" };
const NEXTHOP: Boundary = { stage: "nexthop" };
const ENCAP: Boundary = { stage: "encap" };
const TX: Boundary = { stage: "tx" };

/** The functions between stages, by their names. */
export const BOUNDARIES: Readonly<Record<string, Boundary>> = {
  linux_rx_handler: RX,
  vhost_dev_xmit: RX,
  pkt_rps_dev_rx_handler: RX,
  // GRO asks for a queue, too.
  linux_get_rxq: { stage: "rps-queue", from: ["rx"] },

  vr_flow_forward: { stage: "flow", returns: true },
  // Of a packet that was on hold, vr_reinject_packet() follows.
  vr_flow_action: { stage: "flow" },
  vr_flow_fill_pnode: { stage: "hold" },

  lh_gro_process: GRO,
  linux_enqueue_pkt_for_gro: GRO,

  vr_reinject_packet: NEXTHOP,
  pkt_gro_dev_rx_handler: NEXTHOP,
  vr_bridge_input: NEXTHOP,
  vr_ip_input: NEXTHOP,
  vr_ip6_input: NEXTHOP,
  vr_forward: NEXTHOP,
  vr_mpls_input: NEXTHOP,
  vr_vxlan_input: NEXTHOP,
  nh_output: NEXTHOP,

  nh_encap_l2: ENCAP,
  nh_encap_l3: ENCAP,
  nh_encap_l3_mcast: ENCAP,
  nh_gre_tunnel: ENCAP,
  nh_mpls_udp_tunnel: ENCAP,
  nh_udp_tunnel: ENCAP,
  nh_vxlan_tunnel: ENCAP,
  nh_pbb_tunnel: ENCAP,

  eth_tx: TX,
  vhost_tx: TX,
  vlan_tx: TX,
  agent_tx: TX,
  linux_if_tx: TX,
  linux_if_rx: { stage: "tx", hands: true },
  // The stacks of guests and of the host call them, too.
  __dev_queue_xmit: { stage: "qdisc", from: LEAVING },
  dev_hard_start_xmit: { stage: "tx", from: LEAVING, hands: true },
};

/** A packet on hold waits for one of these: others may be called for it while it is being parked. */
export const AFTER_HOLD: ReadonlySet<string> = new Set(["vr_flow_action", "vr_reinject_packet"]);

/** Number of a stage, its index in {@linkcode STAGES}. */
export function stageNumber(name: StageName): number {
  return STAGES.indexOf(name);
}
