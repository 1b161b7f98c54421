/**
 * Property tests: many random cases from one fixed seed.
 *
 * @module
 */

import { Random } from "./random.ts";

/** Default of `VRFT_PROPERTY_RUNS`. */
const DEFAULT_RUNS = 10_000;

/**
 * Number of runs of a property: `normal`, scaled by the environment's `VRFT_PROPERTY_RUNS` relative to
 * its default of 10,000.
 */
export function propertyRuns(normal: number): number {
  const wanted = Number(Deno.env.get("VRFT_PROPERTY_RUNS") ?? DEFAULT_RUNS);
  return Math.max(1, Math.round(normal * wanted / DEFAULT_RUNS));
}

/**
 * Calls `one` for {@linkcode propertyRuns} random cases, and prints their number and the seed.
 *
 * @returns their number
 */
export function forRandomCases(
  seed: number,
  one: (random: Random, run: number) => void,
  normal = 10_000,
): number {
  const runs = propertyRuns(normal);
  console.log(`${runs} cases from seed ${seed}`);
  const random = new Random(seed);
  for (let run = 0; run < runs; run++) one(random, run);
  return runs;
}
