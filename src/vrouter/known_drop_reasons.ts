/**
 * The reasons for which the vrouter module drops packets: words, meaning and counter of each.
 *
 * The numbers are not here, as they differ between releases: they are in the module's BTF.
 *
 * @module
 */

/**
 * What a drop means: the packet is lost; lost because a policy says so; freed in the course of things,
 * while the packet or its copy goes on; or counted although nothing was freed. `unknown` is that of
 * reasons newer than vrft.
 */
export type DropClass = "lost" | "policy" | "housekeeping" | "counted" | "unknown";

/** Commands of vrouter's utilities that can tell more of a drop. */
export type HintKind =
  | "flow"
  | "flows"
  | "route"
  | "bridge"
  | "nexthop"
  | "vif"
  | "vifs"
  | "label"
  | "vnid"
  | "dropstats"
  | "log";

/** A reason that vrft knows. */
export interface KnownReason {
  /** In the module's enum, `VP_DROP_DISCARD`. */
  readonly name: string;
  /** As `dropstats` prints it: `Discards`. */
  readonly label: string;
  /** Labels of older releases. */
  readonly older: readonly string[];
  /** Its field of `vr_drop_stats_req`, without `vds_`. */
  readonly counter: string;
  readonly class: DropClass;
  /** What it really means. */
  readonly meaning: string;
  /** What to look at next, the best first. */
  readonly hints: readonly HintKind[];
}

/** All reasons that vrft knows, in the order of the module's enum. */
export const KNOWN_REASONS: readonly KnownReason[] = [
  {
    name: "VP_DROP_DISCARD",
    label: "Discards",
    older: [],
    counter: "discard",
    class: "lost",
    meaning:
      "The lookup ended on a discard nexthop: no route (nexthop 0 is the default of every table), a route to a discard nexthop, a nexthop that was being changed, or a composite without members.",
    hints: ["route", "nexthop"],
  },
  {
    name: "VP_DROP_PULL",
    label: "Pull Fails",
    older: [],
    counter: "pull",
    class: "lost",
    meaning: "The packet is shorter than the header that should follow.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_INVALID_IF",
    label: "Invalid IF",
    older: [],
    counter: "invalid_if",
    class: "lost",
    meaning: "The nexthop has no device, or the vif went away while the packet was held.",
    hints: ["nexthop", "vif"],
  },
  {
    name: "VP_DROP_INVALID_ARP",
    label: "Invalid ARP",
    older: ["Invalid ARPs"],
    counter: "invalid_arp",
    class: "lost",
    meaning:
      "An ARP packet or neighbor solicitation that vRouter does not accept, such as one with addresses of another size.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_TRAP_NO_IF",
    label: "Trap No IF",
    older: [],
    counter: "trap_no_if",
    class: "lost",
    meaning:
      "The packet is for the agent, and there is no interface to the agent: the agent is down or has just started.",
    hints: ["vifs"],
  },
  {
    name: "VP_DROP_NOWHERE_TO_GO",
    label: "Nowhere to go",
    older: [],
    counter: "nowhere_to_go",
    class: "lost",
    meaning: "A packet to the gateway's MAC address that the routing part did not take.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_FLOW_QUEUE_LIMIT_EXCEEDED",
    label: "Flow Queue Limit Exceeded",
    older: [],
    counter: "flow_queue_limit_exceeded",
    class: "lost",
    meaning:
      "The flow waits for the agent's decision (action Hold), and three packets wait already. It is the usual loss of the first packets of a flow with a sender that does not wait for answers.",
    hints: ["flow", "flows"],
  },
  {
    name: "VP_DROP_FLOW_NO_MEMORY",
    label: "Flow No Memory",
    older: [],
    counter: "flow_no_memory",
    class: "lost",
    meaning: "Nothing in the Linux module counts it today.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_FLOW_INVALID_PROTOCOL",
    label: "Flow Invalid Protocol",
    older: [],
    counter: "flow_invalid_protocol",
    class: "lost",
    meaning: "Nothing in the Linux module counts it today.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_FLOW_NAT_NO_RFLOW",
    label: "Flow NAT no rflow",
    older: [],
    counter: "flow_nat_no_rflow",
    class: "lost",
    meaning:
      "The flow is to be translated, and its reverse flow, which has the addresses, is gone or not valid.",
    hints: ["flow"],
  },
  {
    name: "VP_DROP_FLOW_ACTION_DROP",
    label: "Flow Action Drop",
    older: [],
    counter: "flow_action_drop",
    class: "policy",
    meaning:
      "The flow entry says Drop. Its drop reason says why: a security group (SG), a network policy (Policy), a firewall policy (FwPolicy), no route (NoDstRt) and so on.",
    hints: ["flow"],
  },
  {
    name: "VP_DROP_FLOW_ACTION_INVALID",
    label: "Flow Action Invalid",
    older: [],
    counter: "flow_action_invalid",
    class: "lost",
    meaning: "The flow entry has an action that the module does not know.",
    hints: ["flow"],
  },
  {
    name: "VP_DROP_FLOW_UNUSABLE",
    label: "Flow Unusable",
    older: [],
    counter: "flow_unusable",
    class: "lost",
    meaning:
      "No flow entry could be used for the packet. The label hides four causes, which only the calling function tells apart.",
    hints: ["flow", "flows"],
  },
  {
    name: "VP_DROP_FLOW_TABLE_FULL",
    label: "Flow Table Full",
    older: [],
    counter: "flow_table_full",
    class: "lost",
    meaning:
      "The hash bucket of the flow and the overflow list are full, which can happen long before the whole table is.",
    hints: ["flows"],
  },
  {
    name: "VP_DROP_INTERFACE_TX_DISCARD",
    label: "IF TX Discard",
    older: [],
    counter: "interface_tx_discard",
    class: "lost",
    meaning: "The outgoing vif is being reset or removed.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_INTERFACE_DROP",
    label: "IF Drop",
    older: [],
    counter: "interface_drop",
    class: "lost",
    meaning: "The vif refused the packet; its RX or TX errors rise with this counter.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_DUPLICATED",
    label: "Duplicate",
    older: ["Duplicated"],
    counter: "duplicated",
    class: "housekeeping",
    meaning:
      "A packet was copied for the agent, and the original freed. Every trap counts here: an unknown flow, an expired TTL, a packet that is too big with DF. Nothing is lost by it.",
    hints: [],
  },
  {
    name: "VP_DROP_PUSH",
    label: "Push Fails",
    older: [],
    counter: "push",
    class: "lost",
    meaning: "There is no room in front of the packet for another header.",
    hints: ["vif", "nexthop"],
  },
  {
    name: "VP_DROP_TTL_EXCEEDED",
    label: "TTL Exceeded",
    older: [],
    counter: "ttl_exceeded",
    class: "lost",
    meaning:
      "The TTL ran out in a label, or an IPv4 packet came to be routed with TTL 0. The ordinary expiry, as of traceroute, goes to the agent and counts as Duplicate.",
    hints: ["route"],
  },
  {
    name: "VP_DROP_INVALID_NH",
    label: "Invalid NH",
    older: [],
    counter: "invalid_nh",
    class: "lost",
    meaning:
      "The nexthop is missing or not marked Valid, or none of the members of an ECMP nexthop lives.",
    hints: ["nexthop", "route"],
  },
  {
    name: "VP_DROP_INVALID_LABEL",
    label: "Invalid Label",
    older: [],
    counter: "invalid_label",
    class: "lost",
    meaning:
      "The MPLS label is above the size of the label table, or nobody uses it: the sender has an old route.",
    hints: ["label"],
  },
  {
    name: "VP_DROP_INVALID_PROTOCOL",
    label: "Invalid Protocol",
    older: [],
    counter: "invalid_protocol",
    class: "lost",
    meaning: "The packet is neither IPv4 nor IPv6 where one of them is required.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_INTERFACE_RX_DISCARD",
    label: "IF RX Discard",
    older: [],
    counter: "interface_rx_discard",
    class: "lost",
    meaning: "The incoming vif is being reset or removed.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_INVALID_MCAST_SOURCE",
    label: "Invalid Mcast Source",
    older: [],
    counter: "invalid_mcast_source",
    class: "lost",
    meaning:
      "nh_composite_mcast() refused the source of a multicast packet, such as a tunnel endpoint that is not part of the tree.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_HEAD_ALLOC_FAIL",
    label: "Head Alloc Fails",
    older: [],
    counter: "head_alloc_fail",
    class: "lost",
    meaning:
      "No memory for the head of a packet. The module never copies this counter into its answer, so dropstats always shows 0.",
    hints: ["log"],
  },
  {
    name: "VP_DROP_PCOW_FAIL",
    label: "PCOW fails",
    older: [],
    counter: "pcow_fail",
    class: "lost",
    meaning: "A shared packet could not be copied before a change, for want of memory.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_MCAST_DF_BIT",
    label: "Jumbo Mcast Pkt with DF Bit",
    older: [],
    counter: "mcast_df_bit",
    class: "lost",
    meaning:
      "A multicast packet with DF is too big for the tunnel. Unlike unicast, nobody is told.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_MCAST_CLONE_FAIL",
    label: "Mcast Clone Fail",
    older: [],
    counter: "mcast_clone_fail",
    class: "lost",
    meaning: "A multicast packet could not be cloned for a member, for want of memory.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_NO_MEMORY",
    label: "Memory Failures",
    older: [],
    counter: "no_memory",
    class: "lost",
    meaning: "No memory.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_REWRITE_FAIL",
    label: "Rewrite Fail",
    older: [],
    counter: "rewrite_fail",
    class: "lost",
    meaning: "The Ethernet header of the nexthop could not be written in front of the packet.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_MISC",
    label: "Misc",
    older: [],
    counter: "misc",
    class: "lost",
    meaning: "One of a dozen rare failures, most of them for want of memory or of a header.",
    hints: ["log"],
  },
  {
    name: "VP_DROP_INVALID_PACKET",
    label: "Invalid Packets",
    older: [],
    counter: "invalid_packet",
    class: "lost",
    meaning:
      "The packet contradicts itself: a length that does not fit, a header that may not be there.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_CKSUM_ERR",
    label: "Checksum errors",
    older: [],
    counter: "cksum_err",
    class: "lost",
    meaning: "The checksum of the outer UDP or GRE header or of an inner one is wrong.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_NO_FMD",
    label: "No Fmd",
    older: [],
    counter: "no_fmd",
    class: "lost",
    meaning: "A function of the module got a packet without its metadata.",
    hints: ["log"],
  },
  {
    name: "VP_DROP_CLONED_ORIGINAL",
    label: "Cloned Original",
    older: [],
    counter: "cloned_original",
    class: "housekeeping",
    meaning:
      "The packet was replicated to each member of a composite, and the original freed. dropstats shows it with --debug alone, but it is part of a vif's Drops.",
    hints: [],
  },
  {
    name: "VP_DROP_INVALID_VNID",
    label: "Invalid VNID",
    older: [],
    counter: "invalid_vnid",
    class: "lost",
    meaning: "The VXLAN header has a VNID that nobody uses here, or none (bit I not set).",
    hints: ["vnid"],
  },
  {
    name: "VP_DROP_FRAGMENTS",
    label: "Fragment errors",
    older: [],
    counter: "frag_err",
    class: "lost",
    meaning:
      "A fragment could not be queued until its first fragment comes, or the first one never came. It also counts the copy of a first fragment that could not be queued, while that fragment itself goes on.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_INVALID_SOURCE",
    label: "Invalid Source",
    older: [],
    counter: "invalid_source",
    class: "lost",
    meaning:
      "The packet came in from where its source is not: the reverse path check of its flow failed, or a unicast packet from the fabric would go back into a tunnel.",
    hints: ["flow", "nexthop"],
  },
  {
    name: "VP_DROP_L2_NO_ROUTE",
    label: "No L2 Route",
    older: [],
    counter: "l2_no_route",
    class: "lost",
    meaning:
      "The bridge table of the VRF does not have the destination MAC, and unknown unicast is not flooded.",
    hints: ["bridge"],
  },
  {
    name: "VP_DROP_FRAGMENT_QUEUE_FAIL",
    label: "Fragment Queueing Failures",
    older: [],
    counter: "fragment_queue_fail",
    class: "lost",
    meaning: "A fragment could not be handed to the assembler.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_VLAN_FWD_TX",
    label: "VLAN fwd intf failed TX",
    older: [],
    counter: "vlan_fwd_tx",
    class: "lost",
    meaning: "Of DPDK: the VLAN forwarding interface did not send.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_VLAN_FWD_ENQ",
    label: "VLAN fwd intf failed enq",
    older: [],
    counter: "vlan_fwd_enq",
    class: "lost",
    meaning: "Of DPDK: the queue of the VLAN forwarding interface is full.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_NEW_FLOWS",
    label: "New Flow Drops",
    older: [],
    counter: "drop_new_flow",
    class: "lost",
    meaning:
      "The vif drops packets that need a new flow (flag Df): its interface has reached its limit of flows.",
    hints: ["vif", "flows"],
  },
  {
    name: "VP_DROP_FLOW_EVICT",
    label: "Flow Unusable (Eviction)",
    older: [],
    counter: "flow_evict",
    class: "lost",
    meaning:
      "A packet of a TCP connection whose flow is being evicted because both ends have closed.",
    hints: ["flow"],
  },
  {
    name: "VP_DROP_TRAP_ORIGINAL",
    label: "Original Packet Trapped",
    older: [],
    counter: "trap_original",
    class: "counted",
    meaning:
      "A packet for a new flow could not be cloned, so the original itself went to the agent and will not come back. It is counted without a free: vrft does not see it.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_LEAF_TO_LEAF",
    label: "Etree Leaf to Leaf",
    older: [],
    counter: "leaf_to_leaf",
    class: "lost",
    meaning: "Sender and receiver are both leaves of an E-Tree, which may reach its roots alone.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_BMAC_ISID_MISMATCH",
    label: "Bmac/ISID Mismatch",
    older: [],
    counter: "bmac_isid_mismatch",
    class: "lost",
    meaning: "The outer MAC or the service id of a PBB packet is not that of the interface.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_PKT_LOOP",
    label: "Packet Loop",
    older: [],
    counter: "pkt_loop",
    class: "lost",
    meaning:
      "The packet would return into the tunnel that it came from, or went round on this host four times.",
    hints: ["route", "nexthop"],
  },
  {
    name: "VP_DROP_NO_CRYPT_PATH",
    label: "No Encrypt Path Failures",
    older: [],
    counter: "no_crypt_path",
    class: "lost",
    meaning: "The traffic is to be encrypted, and there is no path that encrypts.",
    hints: ["nexthop"],
  },
  {
    name: "VP_DROP_INVALID_HBS_PKT",
    label: "Invalid HBS received packet",
    older: [],
    counter: "invalid_hbs_pkt",
    class: "lost",
    meaning:
      "A packet of the host based firewall was refused in vr_flow_action_hbs() or vr_flow_forward().",
    hints: ["flow", "vif"],
  },
  {
    name: "VP_DROP_NO_FRAG_ENTRY",
    label: "No Fragment Entries",
    older: [],
    counter: "no_frag_entry",
    class: "lost",
    meaning: "The table of fragmented packets is full.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_ICMP_ERROR",
    label: "ICMP errors",
    older: [],
    counter: "icmp_error",
    class: "lost",
    meaning: "An ICMP error quotes a packet of which no flow can be made.",
    hints: ["vif"],
  },
  {
    name: "VP_DROP_CLONE_FAIL",
    label: "Clone Failures",
    older: [],
    counter: "clone_fail",
    class: "counted",
    meaning:
      "The clone of a first fragment failed when an ECMP member was chosen. It is counted without a free: the packet goes on, its later fragments may not.",
    hints: ["dropstats"],
  },
  {
    name: "VP_DROP_INVALID_UNDERLAY_ECMP",
    label: "Invalid underlay ECMP",
    older: [],
    counter: "invalid_underlay_ecmp",
    class: "lost",
    meaning: "The flow's path in the underlay is not one of those of the tunnel's nexthop.",
    hints: ["flow", "nexthop"],
  },
];
