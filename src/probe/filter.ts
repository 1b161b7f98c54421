/**
 * Tells the programs which interfaces count.
 *
 * @module
 */

import { BITMAP_BITS, CONTROL_INTERFACE_BITS, CONTROL_VIF_BITS } from "./layout.ts";
import type { BpfObject, SharedDevices } from "./object.ts";

/** An interface whose packets are kept. */
export interface ChosenInterface {
  /** Inode number of the network namespace its device is in. */
  readonly netns: number;
  /** Index of the device in that namespace; 0 where there is none. */
  readonly ifindex: number;
  /** Index of the vif; `null` for a device that vrouter does not know. */
  readonly vifIndex: number | null;
  /**
   * Set for a device that vrouter passes packets of several vifs through, of which not all are chosen,
   * on their way to RPS or GRO: the programs ask each packet on it which vif it is of.
   */
  readonly shared?: "rps" | "gro";
}

/** Sets the filter of a loaded object, whose table has room for so many. */
export function setFilter(
  object: Pick<BpfObject, "control" | "update">,
  interfaces: readonly ChosenInterface[],
): void {
  const control = new Uint8Array(object.control);
  for (const { netns, ifindex, vifIndex } of interfaces) {
    if (vifIndex !== null) setBit(control, CONTROL_VIF_BITS, vifIndex);
    if (ifindex <= 0) continue;
    const key = new Uint32Array([netns, ifindex]);
    object.update("interfaces", new Uint8Array(key.buffer), new Uint8Array([1]));
    setBit(control, CONTROL_INTERFACE_BITS, ifindex);
  }
}

/**
 * The network namespace that all of `interfaces` are in, if the bitmap alone tells them from the others
 * there: the programs then need not ask the table. 0 if not.
 */
export function onlyNetns(interfaces: readonly ChosenInterface[]): number {
  const devices = interfaces.filter(({ ifindex }) => ifindex > 0);
  const netns = devices[0]?.netns ?? 0;
  return devices.every((one) => one.netns === netns && one.ifindex < BITMAP_BITS) ? netns : 0;
}

/** Those of `interfaces` that are shared; `null` where none is. */
export function sharedDevices(interfaces: readonly ChosenInterface[]): SharedDevices | null {
  const of = (use: "rps" | "gro"): number[] =>
    interfaces.filter(({ shared }) => shared === use).map(({ ifindex }) => ifindex);
  const [rps = 0] = of("rps");
  const gro = of("gro");
  return rps === 0 && gro.length === 0 ? null : { rps, gro };
}

function setBit(bytes: Uint8Array, offset: number, index: number): void {
  const bit = index % BITMAP_BITS;
  // 64-bit words in little endian: bit i of the map is bit i % 8 of byte i / 8.
  bytes[offset + (bit >>> 3)]! |= 1 << (bit & 7);
}
