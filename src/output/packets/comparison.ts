/**
 * Two groups of packets, collected to be compared.
 *
 * @module
 */

import type { Journey, Outcome } from "../../trace/journey.ts";
import { comparePaths, type PathComparison } from "../../trace/path_diff.ts";
import { type PathGroup, Paths } from "../../trace/paths.ts";
import { Percentiles, type Times } from "../../trace/percentiles.ts";
import type { PacketView } from "./view.ts";

/** One of two groups: the first or the second. */
export type Side = 0 | 1;

/** Two groups of packets, and what they have in common. */
export interface Comparison {
  /** Their filters. */
  readonly names: readonly [one: string, other: string];
  readonly groups: readonly [one: Times, other: Times];
  readonly comparison: PathComparison;
  /** Outcomes by the keys of their steps, which do not have them. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** Collects packets of two groups, and shows at the end how they differ. */
export class ComparingView implements PacketView {
  readonly #names: Comparison["names"];
  readonly #sideOf: (journey: Journey) => Side | null;
  readonly #print: (comparison: Comparison) => void;
  readonly #limit: number;
  readonly #paths = [new Paths(), new Paths()] as const;
  readonly #times = [new Percentiles(), new Percentiles()] as const;

  /**
   * @param names of the groups
   * @param sideOf tells the group of a packet; `null` if it belongs to none
   * @param print writes the comparison
   * @param limit number of packets of each group; `null` for no limit
   */
  constructor(
    names: Comparison["names"],
    sideOf: (journey: Journey) => Side | null,
    print: (comparison: Comparison) => void,
    limit: number | null,
  ) {
    this.#names = names;
    this.#sideOf = sideOf;
    this.#print = print;
    this.#limit = limit ?? Infinity;
  }

  get isFull(): boolean {
    return this.#times.every(({ count }) => count >= this.#limit);
  }

  /** Whether all packets took the same ways, of which each group has some. */
  get isSame(): boolean {
    const { partings } = this.#compare();
    return partings.length === 0 && this.#times.every(({ count }) => count > 0);
  }

  packet(journey: Journey): void {
    const side = this.#sideOf(journey);
    if (side === null || this.#times[side].count >= this.#limit) return;
    this.#paths[side].add(journey);
    this.#times[side].add(journey.duration);
  }

  finish(): void {
    const groups = this.#paths.flatMap((paths) => paths.groups());
    const [one, other] = this.#times;
    this.#print({
      names: this.#names,
      groups: [one.times, other.times],
      comparison: this.#compare(),
      outcomes: new Map(groups.map(({ steps, example }) => [lastKey(steps), example.outcome])),
    });
  }

  #compare(): PathComparison {
    const [one, other] = this.#paths;
    return comparePaths(one.groups(), other.groups());
  }
}

function lastKey(steps: PathGroup["steps"]): string {
  return steps.at(-1)?.key ?? "";
}
