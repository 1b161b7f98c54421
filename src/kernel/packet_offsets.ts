/**
 * Where vrouter's structs keep the interface of a packet, from the module's BTF.
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
}

/** For traces without vrouter functions. */
export const NO_PACKET_OFFSETS: PacketOffsets = { vpIfOffset: 0, vifIdxOffset: 0 };

/** The offsets; `null` without BTF of vrouter, or if it does not describe both. */
export function packetOffsets(modules: readonly ModuleBtf[]): PacketOffsets | null {
  const btf = modules.find(({ module }) => module === "vrouter")?.btf;
  const vpIfOffset = btf?.memberOffset("vr_packet", "vp_if");
  const vifIdxOffset = btf?.memberOffset("vr_interface", "vif_idx");
  return vpIfOffset === undefined || vifIdxOffset === undefined
    ? null
    : { vpIfOffset, vifIdxOffset };
}
