/**
 * Where vrouter's structs have what its decisions are about, from the module's BTF.
 *
 * @module
 */

import type { Btf, MemberPlace } from "./btf.ts";

/** Names of the members, in the order of `struct vrft_decision_places` in bpf/vrft.h. */
export const DECISION_PLACES = [
  "nh_id",
  "nh_type",
  "nh_flags",
  "nh_dev",
  "tun_sip",
  "tun_dip",
  "vif_idx",
  "vif_vrf",
  "vif_type",
  "vif_mtu",
  "vp_head",
  "vp_if",
  "vp_network_h",
  "fmd_fe",
  "fmd_flow_index",
  "fmd_label",
  "fmd_flags",
  "fmd_ecmp_nh_index",
  "fmd_dvrf",
  "fmd_outer_src_ip",
  "fe_action",
  "fe_flags",
  "fe_rflow",
  "fe_drop_reason",
  "fe_src_nh_index",
  "fe_dvrf",
  "fe_ecmp_nh_index",
  "fe_tcp_flags",
  "fe_key_nh_id",
  "be_nh",
  "be_label",
  "be_flags",
  "rtr_family",
  "rtr_prefix",
  "rtr_prefix_len",
  "rtr_label",
  "rtr_label_flags",
] as const;

/** Members by their names; those that the BTF does not describe are `undefined`. */
export type DecisionOffsets = Readonly<
  Record<typeof DECISION_PLACES[number], MemberPlace | undefined>
>;

/** Tunnel nexthops have their ends at the same place, whatever the encapsulation. */
const TUNNELS = ["nh_gre_tun", "nh_udp_tun", "nh_vxlan_tun"];
/** The structs of members that are named for them. */
const STRUCTS: readonly (readonly [prefix: string, struct: string, ...path: string[]])[] = [
  ["nh_", "vr_nexthop"],
  ["vif_", "vr_interface"],
  ["vp_", "vr_packet"],
  ["fmd_", "vr_forwarding_md"],
  ["fe_", "vr_flow_entry"],
  ["be_", "vr_bridge_entry"],
  // The request of a route is a Sandesh message inside another struct.
  ["rtr_", "vr_route_req", "rtr_req"],
];

/** @throws {BtfError} if the BTF is damaged */
export function decisionOffsets(btf: Btf): DecisionOffsets {
  const entries = DECISION_PLACES.map((name) => [name, placeOf(btf, name)] as const);
  return Object.fromEntries(entries) as DecisionOffsets;
}

function placeOf(btf: Btf, name: typeof DECISION_PLACES[number]): MemberPlace | undefined {
  switch (name) {
    case "nh_dev":
      return deviceOf(btf);
    case "tun_sip":
    case "tun_dip":
      return first(TUNNELS, (tunnel) =>
        btf.memberPlace("vr_nexthop", "nh_u", tunnel, name) ??
          btf.memberPlace("vr_nexthop", tunnel, name));
    case "fe_key_nh_id":
      return btf.memberPlace("vr_flow_entry", "fe_key", "key_u", "ip_key", "ip_nh_id") ??
        btf.memberPlace("vr_flow_entry", "fe_key", "ip_key", "ip_nh_id");
    default: {
      const [, struct, ...path] = STRUCTS.find(([prefix]) => name.startsWith(prefix))!;
      return btf.memberPlace(struct, ...path, name);
    }
  }
}

/** The nexthop's device is the first of an array, or in older modules alone. */
function deviceOf(btf: Btf): MemberPlace | undefined {
  const offset = btf.memberOffset("vr_nexthop", "nh_dev_arr");
  return offset === undefined ? btf.memberPlace("vr_nexthop", "nh_dev") : { offset, bytes: 8 };
}

function first<T, R>(list: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of list) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
