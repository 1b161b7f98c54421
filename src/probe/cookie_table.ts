/**
 * The table in which a session's program finds the cookie of the entered function: `struct
 * vrft_control` in bpf/vrft.h. It is a perfect hash: a lookup takes two loads, whatever the number of
 * functions.
 *
 * The low half of an address is hashed twice, by multiplication, using the upper bits of the product.
 * The first hash selects a bucket, which holds the factor of the second hash, which selects the slot.
 * The factors are chosen so that no two functions share a slot.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import {
  BUCKET_BITS,
  BUCKET_FACTOR,
  CONTROL_COOKIES,
  CONTROL_SLOT_FACTORS,
  cookieOf,
  SLOT_BITS,
} from "./layout.ts";
import type { Target } from "./target.ts";

const BUCKETS = 1 << BUCKET_BITS;
const SLOTS = 1 << SLOT_BITS;

/** Maximum number of functions: half of the slots stay free, so that factors are found quickly. */
export const MAX_FUNCTIONS = SLOTS / 2;

/** The first factor tried; the others are also odd and as random. */
const FIRST_FACTOR = 2246822519;
/** Maximum number of factors tried. A dozen usually suffice, a hundred if the table is full. */
const FACTORS = 1 << 16;

/**
 * Fills the table.
 *
 * @param control `struct vrft_control`
 * @param targets functions whose addresses differ in their low halves, as those of one kernel do
 * @param chosen indexes of those that the table is to have; all by default
 * @throws {Failure} if two low halves are the same, or for more than {@linkcode MAX_FUNCTIONS} functions
 */
export function setCookies(
  control: ArrayBuffer,
  targets: readonly Target[],
  chosen: readonly number[] = [...targets.keys()],
): void {
  if (chosen.length > MAX_FUNCTIONS) {
    throw new Failure(
      "attach",
      `A table of ${MAX_FUNCTIONS} functions has no room for ${chosen.length}`,
    );
  }
  const factors = new Uint32Array(control, CONTROL_SLOT_FACTORS, BUCKETS);
  const cookies = new BigUint64Array(control, CONTROL_COOKIES, SLOTS);
  const lows = targets.map(({ address }) => Number(address & 0xffffffffn));
  const buckets = Map.groupBy(
    chosen,
    (index) => hash(lows[index]!, BUCKET_FACTOR, BUCKET_BITS),
  );
  const taken = new Uint8Array(SLOTS);
  // The largest buckets first, while most slots are free.
  for (
    const [bucket, indexes] of [...buckets].sort(([, a], [, b]) => b.length - a.length)
  ) {
    requireDifferent(indexes, lows, targets);
    const factor = findFactor(indexes.map((index) => lows[index]!), taken);
    factors[bucket] = factor;
    for (const index of indexes) {
      cookies[hash(lows[index]!, factor, SLOT_BITS)] = cookieOf(targets[index]!, index);
    }
  }
}

/** Equal addresses are in the same bucket. */
function requireDifferent(
  indexes: readonly number[],
  lows: readonly number[],
  targets: readonly Target[],
): void {
  const byLow = new Map<number, number>();
  for (const index of indexes) {
    const other = byLow.get(lows[index]!);
    if (other !== undefined) {
      const names = `${targets[other]!.name}() and ${targets[index]!.name}()`;
      throw new Failure("attach", `${names} have the same address`);
    }
    byLow.set(lows[index]!, index);
  }
}

/** Finds the first factor that maps all of a bucket's addresses to free slots, and takes those. */
function findFactor(lows: readonly number[], taken: Uint8Array): number {
  for (let count = 1; count <= FACTORS; count++) {
    const factor = (Math.imul(count, FIRST_FACTOR) | 1) >>> 0;
    const slots = new Set<number>();
    for (const low of lows) {
      const slot = hash(low, factor, SLOT_BITS);
      if (taken[slot] === 0) slots.add(slot);
    }
    if (slots.size < lows.length) continue;
    for (const slot of slots) taken[slot] = 1;
    return factor;
  }
  throw new Failure("attach", `No table for the addresses of ${lows.length} functions was found`);
}

function hash(low: number, factor: number, bits: number): number {
  return Math.imul(low, factor) >>> (32 - bits);
}
