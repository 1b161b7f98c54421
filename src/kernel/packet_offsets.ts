/**
 * Where vrouter's structs keep what the programs read of a packet, from the module's BTF.
 *
 * @module
 */

import type { ModuleBtf } from "./functions.ts";

/** Offsets in bytes. */
export interface PacketOffsets {
  /** Of `vp_if` in `struct vr_packet`. */
  readonly vpIfOffset: number;
  /** Of `vif_idx` in `struct vr_interface`. */
  readonly vifIdxOffset: number;
  /** Of `vif_vrf` in `struct vr_interface`. */
  readonly vifVrfOffset: number;
  /** Of `vp_nh` in `struct vr_packet`. */
  readonly vpNhOffset: number;
  /** Of `nh_id` in `struct vr_nexthop`. */
  readonly nhIdOffset: number;
  /** Of `fmd_dvrf` in `struct vr_forwarding_md`. */
  readonly fmdDvrfOffset: number;
}

/** For traces without vrouter functions. */
export const NO_PACKET_OFFSETS: PacketOffsets = {
  vpIfOffset: 0,
  vifIdxOffset: 0,
  vifVrfOffset: 0,
  vpNhOffset: 0,
  nhIdOffset: 0,
  fmdDvrfOffset: 0,
};

/**
 * The offsets, 0 for those that only conditions need if the BTF does not describe them; `null` without BTF
 * of vrouter, or if it does not describe the interface of a packet.
 */
export function packetOffsets(modules: readonly ModuleBtf[]): PacketOffsets | null {
  const btf = modules.find(({ module }) => module === "vrouter")?.btf;
  const offset = (struct: string, member: string): number | undefined =>
    btf?.memberOffset(struct, member);
  const vpIfOffset = offset("vr_packet", "vp_if");
  const vifIdxOffset = offset("vr_interface", "vif_idx");
  if (vpIfOffset === undefined || vifIdxOffset === undefined) return null;
  return {
    vpIfOffset,
    vifIdxOffset,
    vifVrfOffset: offset("vr_interface", "vif_vrf") ?? 0,
    vpNhOffset: offset("vr_packet", "vp_nh") ?? 0,
    nhIdOffset: offset("vr_nexthop", "nh_id") ?? 0,
    fmdDvrfOffset: offset("vr_forwarding_md", "fmd_dvrf") ?? 0,
  };
}
