/**
 * Where in its structs vrouter keeps the interface of a packet, from the module's BTF.
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

/** For traces that have no vrouter functions among theirs. */
export const NO_PACKET_OFFSETS: PacketOffsets = { vpIfOffset: 0, vifIdxOffset: 0 };

/** The offsets; `null` where no BTF of vrouter is there, or it does not describe both. */
export function packetOffsets(modules: readonly ModuleBtf[]): PacketOffsets | null {
  const btf = modules.find(({ module }) => module === "vrouter")?.btf;
  const vpIfOffset = btf?.memberOffset("vr_packet", "vp_if");
  const vifIdxOffset = btf?.memberOffset("vr_interface", "vif_idx");
  return vpIfOffset === undefined || vifIdxOffset === undefined
    ? null
    : { vpIfOffset, vifIdxOffset };
}
