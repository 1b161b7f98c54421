/**
 * Runs parsers on hostile bytes: damaged copies of real inputs, many of them, from one fixed seed.
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
  /** What is attacked, for the words that are printed. */
  readonly title: string;
  readonly seed: number;
  /** Real inputs; each must be accepted as it is. */
  readonly originals: readonly Uint8Array[];
  /**
   * Does with `bytes` all that is done with such an input, and checks what comes out.
   *
   * @param original which of the originals they were made from
   */
  readonly use: (bytes: Uint8Array<ArrayBuffer>, original: number, random: Random) => void;
  /** Whether an error is one by which the parser rejects bytes. */
  readonly rejects: (error: unknown) => boolean;
  /** Inputs unless the environment says otherwise; 10,000 where it is absent. */
  readonly runs?: number;
}

/**
 * Attacks, and prints the number of inputs, the seed and the process's greatest memory.
 *
 * @throws with the input, when the parser throws what is no rejection or its result is wrong
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
  // Both ways must have been gone, or nothing was tested.
  assert.ok(rejected > 0 && rejected < runs, `${rejected} of ${runs} rejected`);
}

/** MiB that this process, all its tests together, has had resident at a time. */
function peakMemory(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
