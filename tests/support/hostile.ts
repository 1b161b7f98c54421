/**
 * Runs parsers on many damaged copies of real inputs, generated from a fixed seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mutate } from "./mutate.ts";
import { propertyRuns } from "./property.ts";
import { Random } from "./random.ts";
import { Watch } from "./watch.ts";

/** A parser under attack. */
export interface Attack {
  /** What is attacked, for the output. */
  readonly title: string;
  readonly seed: number;
  /** Real inputs, each of which must be accepted. */
  readonly originals: readonly Uint8Array[];
  /**
   * Processes `bytes` like a real input, and checks the result.
   *
   * @param original index of the original they were made from
   */
  readonly use: (bytes: Uint8Array<ArrayBuffer>, original: number, random: Random) => void;
  /** Whether an error means that the parser has rejected the bytes. */
  readonly rejects: (error: unknown) => boolean;
  /** Default number of inputs, 10,000 if absent; the environment overrides it. */
  readonly runs?: number;
}

/**
 * Runs an attack, and prints the number of inputs, the seed and the peak memory of the process.
 *
 * @throws with the input, if the parser throws anything but a rejection, or its result is wrong
 */
export function attack(options: Attack): void {
  const { title, seed, originals, use, rejects } = options;
  const runs = propertyRuns(options.runs ?? 10_000);
  const random = new Random(seed);
  originals.forEach((original, index) => use(original.slice(), index, random));
  let rejected = 0;
  using watch = new Watch(title);
  for (let run = 0; run < runs; run++) {
    watch.beat(run);
    const index = random.int(originals.length);
    const bytes = mutate(originals[index]!, random, random.pick(originals));
    const input = bytes.slice();
    try {
      use(bytes, index, random);
    } catch (error) {
      if (!rejects(error)) {
        const what = `${title}: input ${run} of seed ${seed}, original ${index}: ${input.toHex()}`;
        throw new Error(what, { cause: error });
      }
      rejected++;
    }
  }
  console.log(
    `${runs} inputs from seed ${seed}, ${rejected} rejected; ${peakMemory()} MiB of memory at most`,
  );
  // Some inputs must be accepted and some rejected, or nothing was tested.
  assert.ok(rejected > 0 && rejected < runs, `${rejected} of ${runs} rejected`);
}

/** Peak resident memory of this process, all its tests together, in MiB. */
function peakMemory(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
