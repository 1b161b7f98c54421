/**
 * The table in which a session's program finds the cookie of the function that was entered: bpf/vrft.h,
 * `struct vrft_control`. Looking one up takes two loads, however many there are.
 *
 * The low half of an address is hashed twice. One hash names a bucket; each bucket has a number, its
 * displacement, which is added to the other hash and makes the slot. The displacements are chosen so that
 * no two functions share a slot ("hash and displace").
 *
 * @module
 */

import {
  BUCKET_BITS,
  BUCKET_FACTOR,
  CONTROL_COOKIES,
  CONTROL_DISPLACEMENTS,
  cookieOf,
  SLOT_BITS,
  SLOT_FACTOR,
} from "./layout.ts";
import type { Target } from "./target.ts";

const BUCKETS = 1 << BUCKET_BITS;
const SLOTS = 1 << SLOT_BITS;

/** Functions that the table takes for certain: half of its slots stay free. */
export const MAX_FUNCTIONS = SLOTS / 2;

/**
 * Fills the table.
 *
 * @param control `struct vrft_control`
 * @param targets functions; the low halves of their addresses differ, as those of one kernel do
 * @throws {RangeError} when two have the same, or there are more than {@linkcode MAX_FUNCTIONS}
 */
export function setCookies(control: ArrayBuffer, targets: readonly Target[]): void {
  if (targets.length > MAX_FUNCTIONS) {
    throw new RangeError(`A table of ${MAX_FUNCTIONS} functions has no room for ${targets.length}`);
  }
  const displacements = new Uint16Array(control, CONTROL_DISPLACEMENTS, BUCKETS);
  const cookies = new BigUint64Array(control, CONTROL_COOKIES, SLOTS);
  const buckets = Map.groupBy(
    targets.keys(),
    (index) => hash(targets[index]!.address, BUCKET_FACTOR, BUCKET_BITS),
  );
  const taken = new Uint8Array(SLOTS);
  // The full ones first, while there is room.
  for (
    const [bucket, indexes] of [...buckets].sort(([, a], [, b]) => b.length - a.length)
  ) {
    const slots = indexes.map((index) => hash(targets[index]!.address, SLOT_FACTOR, SLOT_BITS));
    const displacement = findDisplacement(slots, taken);
    displacements[bucket] = displacement;
    indexes.forEach((index, at) => {
      cookies[(slots[at]! + displacement) % SLOTS] = cookieOf(targets[index]!, index);
    });
  }
}

/** The first displacement that puts all of `slots` on free ones, which it takes. */
function findDisplacement(slots: readonly number[], taken: Uint8Array): number {
  if (new Set(slots).size === slots.length) {
    for (let displacement = 0; displacement < SLOTS; displacement++) {
      if (slots.some((slot) => taken[(slot + displacement) % SLOTS] !== 0)) continue;
      for (const slot of slots) taken[(slot + displacement) % SLOTS] = 1;
      return displacement;
    }
  }
  throw new RangeError("Two functions have the same address");
}

function hash(address: bigint, factor: number, bits: number): number {
  return Math.imul(Number(address & 0xffffffffn), factor) >>> (32 - bits);
}
