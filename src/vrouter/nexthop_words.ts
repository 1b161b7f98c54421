/**
 * Nexthops in the words of vrouter's `nh`.
 *
 * @module
 */

/** By the names of the module's `enum nexthop_type`. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["NH_DEAD", "Dead"],
  ["NH_RCV", "Receive"],
  ["NH_ENCAP", "Encap"],
  ["NH_TUNNEL", "Tunnel"],
  ["NH_RESOLVE", "Resolve"],
  ["NH_DISCARD", "Drop"],
  ["NH_COMPOSITE", "Composite"],
  ["NH_VRF_TRANSLATE", "Vrf_Translate"],
  ["NH_L2_RCV", "L2 Receive"],
]);

/** By the function that handles its packets, `nh_reach_nh`. */
const REACH: ReadonlyMap<string, string> = new Map([
  ["nh_discard", "Drop"],
  ["nh_resolve", "Resolve"],
  ["nh_l3_rcv", "Receive"],
  ["nh_l2_rcv", "L2 Receive"],
  ["nh_encap_l2", "Encap L2"],
  ["nh_encap_l3", "Encap"],
  ["nh_encap_l3_mcast", "Encap Multicast"],
  ["nh_vrf_translate", "Vrf_Translate"],
  ["nh_gre_tunnel", "Tunnel MPLSoGRE"],
  ["nh_mpls_udp_tunnel", "Tunnel MPLSoUDP"],
  ["nh_vxlan_tunnel", "Tunnel Vxlan"],
  ["nh_udp_tunnel", "Tunnel Udp"],
  ["nh_pbb_tunnel", "Tunnel Pbb"],
  ["nh_composite_ecmp", "Composite Ecmp"],
  ["nh_composite_fabric", "Composite Fabric"],
  ["nh_composite_encap", "Composite Encap"],
  ["nh_composite_evpn", "Composite Evpn"],
  ["nh_composite_tor", "Composite Tor"],
  ["nh_composite_mcast", "Composite Multicast"],
]);

/**
 * The type of a nexthop as `nh` prints it.
 *
 * @param names of the module's `enum nexthop_type` by number, from its BTF
 * @returns the name if `nh` has no word for it, the number if it has no name
 */
export function nexthopType(type: number, names: ReadonlyMap<number, string>): string {
  const name = names.get(type);
  return name === undefined ? String(type) : TYPES.get(name) ?? name;
}

/**
 * What is done to a nexthop's packets, by its reach function; the function's name if there are no words.
 * While a nexthop is being changed, it is `Drop` whatever the type.
 */
export function nexthopReach(fn: string): string {
  return REACH.get(fn) ?? fn;
}
