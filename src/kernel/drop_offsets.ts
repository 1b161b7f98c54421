/**
 * Where vrouter's structs have what explains a drop, from the module's BTF.
 *
 * @module
 */

import type { Btf, MemberPlace } from "./btf.ts";

/** Members by their names; those that the BTF does not describe are `undefined`. */
export interface DropOffsets {
  /** `struct vr_nexthop` */
  readonly nh_type: MemberPlace | undefined;
  readonly nh_reach_nh: MemberPlace | undefined;
  /** `struct vr_flow_entry` */
  readonly fe_action: MemberPlace | undefined;
  readonly fe_flags: MemberPlace | undefined;
  readonly fe_rflow: MemberPlace | undefined;
  readonly fe_drop_reason: MemberPlace | undefined;
  /** `struct vr_forwarding_md` */
  readonly fmd_flow_index: MemberPlace | undefined;
  /** `struct vr_bridge_entry` */
  readonly be_nh: MemberPlace | undefined;
  /** `struct vr_route_req` */
  readonly rtr_family: MemberPlace | undefined;
  readonly rtr_prefix: MemberPlace | undefined;
  readonly rtr_prefix_len: MemberPlace | undefined;
}

/** @throws {BtfError} if the BTF is damaged */
export function dropOffsets(btf: Btf): DropOffsets {
  const nexthop = (member: string): MemberPlace | undefined =>
    btf.memberPlace("vr_nexthop", member);
  const flow = (member: string): MemberPlace | undefined =>
    btf.memberPlace("vr_flow_entry", member);
  // The request of a route is a Sandesh message inside another struct.
  const route = (member: string): MemberPlace | undefined =>
    btf.memberPlace("vr_route_req", "rtr_req", member);
  return {
    nh_type: nexthop("nh_type"),
    nh_reach_nh: nexthop("nh_reach_nh"),
    fe_action: flow("fe_action"),
    fe_flags: flow("fe_flags"),
    fe_rflow: flow("fe_rflow"),
    fe_drop_reason: flow("fe_drop_reason"),
    fmd_flow_index: btf.memberPlace("vr_forwarding_md", "fmd_flow_index"),
    be_nh: btf.memberPlace("vr_bridge_entry", "be_nh"),
    rtr_family: route("rtr_family"),
    rtr_prefix: route("rtr_prefix"),
    rtr_prefix_len: route("rtr_prefix_len"),
  };
}
