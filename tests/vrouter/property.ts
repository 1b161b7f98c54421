/**
 * Property tests: many random cases from one fixed seed.
 *
 * @module
 */

import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

/** Calls `one` for each of 10,000 cases, unless VRFT_PROPERTY_RUNS says otherwise. */
export function forRandomCases(seed: number, one: (random: Random, run: number) => void): void {
  const runs = propertyRuns(10_000);
  console.log(`${runs} cases from seed ${seed}`);
  const random = new Random(seed);
  for (let run = 0; run < runs; run++) one(random, run);
}
