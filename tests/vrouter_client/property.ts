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

/** `bytes` cut short, or with a few bytes changed, put in or taken out. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  if (random.int(4) === 0) return bytes.slice(0, random.int(bytes.length + 1));
  const list = [...bytes];
  for (let change = random.int(4); change >= 0; change--) {
    const at = random.int(list.length + 1);
    // 0, 1, 0x7f, 0x80 and 0xff hit lengths and types where they hurt.
    const byte = random.int(2) === 0 ? random.int(256) : random.pick([0, 1, 0x7f, 0x80, 0xff]);
    const kind = random.int(6);
    if (kind === 0) list.splice(at, random.int(8));
    else if (kind === 1) list.splice(at, 0, byte);
    else list[Math.min(at, list.length - 1)] = byte;
  }
  return Uint8Array.from(list);
}
