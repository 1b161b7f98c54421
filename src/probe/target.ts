/**
 * Functions to attach to.
 *
 * @module
 */

import type { PacketFunction } from "../kernel/packet_function.ts";

/** A packet function with a known address, so that it can be attached to. */
export type Target = PacketFunction & { readonly address: bigint };

/** Those of `functions` that can be attached to. */
export function withAddress(functions: readonly PacketFunction[]): Target[] {
  return functions.filter((fn): fn is Target => fn.address !== null);
}

/** `count` elements of a list at even distances, or all if there are fewer. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  return Array.from(
    { length: count },
    (_, index) => list[Math.floor(index * list.length / count)]!,
  );
}
