/**
 * Nexthops in the words of vrouter's `nh`.
 *
 * @module
 */

import { type Nexthop, NH } from "./nexthops.ts";

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

/** A flag's bit and word, in the order in which `nh` prints them. */
type FlagWord = readonly [bit: number, word: string];

/** `nh_flags` of any nexthop. */
const FLAGS: readonly FlagWord[] = [
  [0x1, "Valid"],
  [0x2, "Policy"],
  [0x100, "Policy(R)"],
  [0x20, "Multicast"],
  [0x8000, "RouteLookup"],
  [0x10000, "Unicast Flood"],
  [0x20000, "Copy SIP"],
  [0x40000, "Flow Lookup"],
  [0x100000, "Mac Learn"],
  [0x200000, "Etree Root"],
  [0x400000, "Indirect"],
  [0x800000, "Evpn Control Word"],
  [0x1000000, "Encrypt Traffic"],
  [0x2000000, "l3_vxlan"],
  [0x10000000, "Underlay Ecmp"],
];

/** `nh_flags` that say which tunnel; the bits mean nothing for other types. */
const TUNNEL_FLAGS: readonly FlagWord[] = [
  [0x8, "MPLSoGRE"],
  [0x10, "Udp"],
  [0x40, "MPLSoUDP"],
  [0x80, "Vxlan"],
  [0x80000, "Pbb"],
  [0x4000000, "MPLSoMPLS"],
];

/** `nh_flags` that say which composite. */
const COMPOSITE_FLAGS: readonly FlagWord[] = [
  [0x200, "Fabric"],
  [0x400, "Ecmp"],
  [0x1000, "Evpn"],
  [0x2000, "Encap"],
  [0x4000, "Tor"],
];

/** Words of a nexthop's flags, as `nh` prints them. */
export function nexthopFlags({ type, flags }: Pick<Nexthop, "type" | "flags">): string[] {
  return [...FLAGS, ...kindFlags(type)].filter(([bit]) => flags & bit).map(([, word]) => word);
}

/** `Tunnel MPLSoUDP`, `Composite Ecmp`, `Encap`: the type, and what flags add to it. */
export function nexthopKind(nexthop: Pick<Nexthop, "type" | "flags">): string {
  const { type, flags } = nexthop;
  const word = BY_NUMBER.get(type) ?? String(type);
  const kinds = kindFlags(type).filter(([bit]) => flags & bit).map(([, kind]) => kind);
  // A composite without a kind of its own is the tree that a multicast packet goes along.
  if (type === NH.COMPOSITE && kinds.length === 0 && flags & 0x20) kinds.push("Multicast");
  return [word, ...kinds].join(" ");
}

function kindFlags(type: number): readonly FlagWord[] {
  if (type === NH.TUNNEL) return TUNNEL_FLAGS;
  return type === NH.COMPOSITE ? COMPOSITE_FLAGS : [];
}

const BY_NUMBER: ReadonlyMap<number, string> = new Map(
  Object.entries(NH).map(([name, number]) => [number, TYPES.get(`NH_${name}`) ?? name]),
);
