/**
 * In the guest: how much is to be measured, and in how much time.
 *
 * @module
 */

import { report } from "../samples.ts";
import { Broken } from "./programs.ts";

/** How much to measure. */
export interface Plan {
  readonly repetitions: number;
  /** Round trips of a flood that is traced. */
  readonly pings: number;
  /** Seconds after which nothing more is begun. */
  readonly seconds: number;
}

/** Reads `REPETITIONS PINGS SECONDS`. */
export function readPlan(args: readonly string[]): Plan {
  const [repetitions, pings, seconds] = args.map(Number);
  if (![repetitions, pings, seconds].every((number) => Number.isInteger(number) && number! > 0)) {
    throw new TypeError(`Expected REPETITIONS PINGS SECONDS, not "${args.join(" ")}"`);
  }
  return { repetitions: repetitions!, pings: pings!, seconds: seconds! };
}

/** Says what is being done; scripts/bench shows it. */
export function tell(text: string): void {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}

/** Measures something; what breaks is reported under each key, and no value is. */
export async function attempt(keys: readonly string[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Anything else is a fault of the benchmark, which must not pass for a figure either.
    const problem = error instanceof Broken ? error.message : `${error.stack ?? error}`;
    tell(`${keys[0]}: ${problem}`);
    for (const key of keys) report({ key, problem });
  }
}

/** Repeats rounds as long as there is time for one more. */
export async function rounds(plan: Plan, round: (index: number) => Promise<void>): Promise<void> {
  let longest = 0;
  for (let index = 0; index < plan.repetitions; index++) {
    const start = performance.now() / 1000;
    if (start + longest > plan.seconds) {
      tell(`no time for round ${index + 1} of ${plan.repetitions}`);
      return;
    }
    tell(`round ${index + 1} of ${plan.repetitions}`);
    await round(index);
    longest = Math.max(longest, performance.now() / 1000 - start);
  }
}

/** Measures something once that takes so many seconds, if there is time for it; if not, says so. */
export async function once(
  plan: Plan,
  seconds: number,
  what: string,
  keys: readonly string[],
  action: () => Promise<void>,
): Promise<void> {
  if (performance.now() / 1000 + seconds > plan.seconds) {
    for (const key of keys) report({ key, problem: "no time was left" });
    return;
  }
  tell(what);
  await attempt(keys, action);
}

/** `count` of a list at even distances, or all when there are fewer. */
export function spread<T>(list: readonly T[], count: number): T[] {
  return Array.from(
    { length: Math.min(count, list.length) },
    (_, index) => list[Math.floor(index * list.length / count)]!,
  );
}
