/**
 * Sets the programs' interface filter.
 *
 * @module
 */

import { BITMAP_BITS, CONTROL_INTERFACE_BITS, CONTROL_VIF_BITS } from "./layout.ts";
import type { BpfObject, SharedDevices } from "./object.ts";

/** Both bitmaps, one behind the other. */
const FILTER_BYTES = 2 * BITMAP_BITS / 8;
/** Interfaces that find room in the table besides those at the start. */
const ROOM = 1024;

/** An interface whose packets are traced. */
export interface ChosenInterface {
  /** Inode number of the network namespace its device is in. */
  readonly netns: number;
  /** Index of the device in that namespace; 0 without a device. */
  readonly ifindex: number;
  /** Index of the vif; `null` for a device without one. */
  readonly vifIndex: number | null;
  /**
   * Set for a device that vrouter uses for RPS or GRO, if it also carries packets of vifs that are not
   * selected: the programs then look up the vif of each packet.
   */
  readonly shared?: "rps" | "gro";
}

/**
 * Sets the filter of a loaded object, also while its programs run: what is chosen before and after stays
 * chosen meanwhile.
 *
 * @throws {LibbpfError} if the table of interfaces is too small; some of them may be chosen then
 */
export function setFilter(
  object: Pick<BpfObject, "control" | "update">,
  interfaces: readonly ChosenInterface[],
): void {
  const bits = new Uint8Array(FILTER_BYTES);
  for (const { netns, ifindex, vifIndex } of interfaces) {
    if (vifIndex !== null) setBit(bits, CONTROL_VIF_BITS - CONTROL_INTERFACE_BITS, vifIndex);
    if (ifindex <= 0) continue;
    const key = new Uint32Array([netns, ifindex]);
    // Those that are not chosen any more stay in the table: without their bit, nothing looks there.
    object.update("interfaces", new Uint8Array(key.buffer), new Uint8Array([1]));
    setBit(bits, 0, ifindex);
  }
  const control = new Uint8Array(object.control, CONTROL_INTERFACE_BITS, FILTER_BYTES);
  for (const [at, byte] of bits.entries()) if (control[at] !== byte) control[at] = byte;
}

/** Room in the table of interfaces that a trace starts with. */
export function interfaceRoom(interfaces: readonly ChosenInterface[]): number {
  return interfaces.length + ROOM;
}

/**
 * Whether programs that were loaded for `only`, the result of {@linkcode onlyNetns}, can tell these
 * interfaces apart from others.
 */
export function fitsFilter(interfaces: readonly ChosenInterface[], only: number): boolean {
  return only === 0 || onlyNetns(interfaces) === only ||
    interfaces.every(({ ifindex }) => ifindex <= 0);
}

/**
 * The network namespace of all `interfaces`, if the bitmap alone identifies them within it, so that the
 * programs need no table lookup; otherwise 0.
 */
export function onlyNetns(interfaces: readonly ChosenInterface[]): number {
  const devices = interfaces.filter(({ ifindex }) => ifindex > 0);
  const netns = devices[0]?.netns ?? 0;
  return devices.every((one) => one.netns === netns && one.ifindex < BITMAP_BITS) ? netns : 0;
}

/**
 * The network namespace in which packets of the trace are followed, on whatever device; 0 if
 * `interfaces` are in several.
 *
 * @param vrouterNetns that of the vifs' devices, or 0
 */
export function sightNetns(interfaces: readonly ChosenInterface[], vrouterNetns: number): number {
  const devices = interfaces.filter(({ ifindex }) => ifindex > 0);
  const netns = devices[0]?.netns ?? vrouterNetns;
  return devices.every((one) => one.netns === netns) ? netns : 0;
}

/** The shared ones of `interfaces`; `null` if there are none. */
export function sharedDevices(interfaces: readonly ChosenInterface[]): SharedDevices | null {
  const of = (use: "rps" | "gro"): number[] =>
    interfaces.filter(({ shared }) => shared === use).map(({ ifindex }) => ifindex);
  const [rps = 0] = of("rps");
  const gro = of("gro");
  return rps === 0 && gro.length === 0 ? null : { rps, gro };
}

function setBit(bytes: Uint8Array, offset: number, index: number): void {
  const bit = index % BITMAP_BITS;
  // In little-endian 64-bit words, bit i of the bitmap is bit i % 8 of byte i / 8.
  bytes[offset + (bit >>> 3)]! |= 1 << (bit & 7);
}
