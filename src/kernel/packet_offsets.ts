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

const MEMBERS: Readonly<Record<keyof PacketOffsets, readonly [struct: string, member: string]>> = {
  vpIfOffset: ["vr_packet", "vp_if"],
  vifIdxOffset: ["vr_interface", "vif_idx"],
  vifVrfOffset: ["vr_interface", "vif_vrf"],
  vpNhOffset: ["vr_packet", "vp_nh"],
  nhIdOffset: ["vr_nexthop", "nh_id"],
  fmdDvrfOffset: ["vr_forwarding_md", "fmd_dvrf"],
};

/** For traces without vrouter functions. */
export const NO_PACKET_OFFSETS: PacketOffsets = {
  vpIfOffset: 0,
  vifIdxOffset: 0,
  vifVrfOffset: 0,
  vpNhOffset: 0,
  nhIdOffset: 0,
  fmdDvrfOffset: 0,
};

/** The offsets; `null` without BTF of vrouter, or if it does not describe all of them. */
export function packetOffsets(modules: readonly ModuleBtf[]): PacketOffsets | null {
  const btf = modules.find(({ module }) => module === "vrouter")?.btf;
  const found: { -readonly [name in keyof PacketOffsets]: number } = { ...NO_PACKET_OFFSETS };
  for (const name of Object.keys(MEMBERS) as (keyof PacketOffsets)[]) {
    const offset = btf?.memberOffset(...MEMBERS[name]);
    if (offset === undefined) return null;
    found[name] = offset;
  }
  return found;
}
