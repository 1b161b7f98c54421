/**
 * How long property tests run.
 *
 * @module
 */

/** What `VRFT_PROPERTY_RUNS` stands for where it is not set. */
const DEFAULT_RUNS = 10_000;

/**
 * Runs for a property whose normal number is `normal`, in proportion to the environment's
 * `VRFT_PROPERTY_RUNS` (10,000 unless set).
 */
export function propertyRuns(normal: number): number {
  const wanted = Number(Deno.env.get("VRFT_PROPERTY_RUNS") ?? DEFAULT_RUNS);
  return Math.max(1, Math.round(normal * wanted / DEFAULT_RUNS));
}
