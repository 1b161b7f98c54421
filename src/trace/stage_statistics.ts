/**
 * How long packets take, and how long they are in each stage.
 *
 * @module
 */

import { type StageName, STAGES } from "../vrouter/stages.ts";
import type { Journey } from "./journey.ts";
import { Percentiles, type Times } from "./percentiles.ts";

/** Packets whose time is at least `from`, and below `to`. */
export interface Bucket {
  /** Nanoseconds. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** What is known of the times of some packets. */
export interface Statistics {
  readonly total: Times;
  /** By stage, in their order; those that no packet went through are left out. */
  readonly stages: ReadonlyMap<StageName, Times>;
  /** In their order, from the first to the last that is not empty. */
  readonly histogram: readonly Bucket[];
  /** Likewise of each stage. */
  readonly histograms: ReadonlyMap<StageName, readonly Bucket[]>;
}

/** Times, and how many there are of about the same length. */
class Counted {
  readonly #times = new Percentiles();
  /** By the number of their bucket. */
  readonly #buckets: number[] = [];

  add(time: number): void {
    this.#times.add(time);
    const bucket = bucketOf(time);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  get times(): Times {
    return this.#times.times;
  }

  get histogram(): readonly Bucket[] {
    const first = this.#buckets.findIndex((count) => count !== undefined);
    if (first < 0) return [];
    return Array.from({ length: this.#buckets.length - first }, (_, index) => ({
      from: startOf(first + index),
      to: startOf(first + index + 1),
      count: this.#buckets[first + index] ?? 0,
    }));
  }
}

/** Counts journeys in bounded memory. */
export class StageStatistics implements Statistics {
  readonly #total = new Counted();
  readonly #stages = new Map<StageName, Counted>();

  /** Counts a journey. A packet that is in a stage several times counts once, with the sum. */
  add({ duration, stages }: Pick<Journey, "duration" | "stages">): void {
    this.#total.add(duration);
    for (let at = 0; at < stages.length; at++) {
      const { name } = stages[at]!;
      if (stages.findIndex((one) => one.name === name) < at) continue;
      let sum = 0;
      for (const stage of stages) if (stage.name === name) sum += stage.duration;
      let times = this.#stages.get(name);
      if (times === undefined) {
        times = new Counted();
        this.#stages.set(name, times);
      }
      times.add(sum);
    }
  }

  get total(): Times {
    return this.#total.times;
  }

  get stages(): ReadonlyMap<StageName, Times> {
    return this.#each(({ times }) => times);
  }

  get histogram(): readonly Bucket[] {
    return this.#total.histogram;
  }

  get histograms(): ReadonlyMap<StageName, readonly Bucket[]> {
    return this.#each(({ histogram }) => histogram);
  }

  #each<T>(of: (counted: Counted) => T): ReadonlyMap<StageName, T> {
    return new Map(STAGES.flatMap((name) => {
      const counted = this.#stages.get(name);
      return counted === undefined ? [] : [[name, of(counted)] as const];
    }));
  }
}

const MANTISSAS = [1, 2, 5];

/** Where a bucket begins: 0, 1, 2, 5, 10, 20, 50, … */
function startOf(bucket: number): number {
  if (bucket === 0) return 0;
  return MANTISSAS[(bucket - 1) % 3]! * 10 ** Math.floor((bucket - 1) / 3);
}

function bucketOf(time: number): number {
  if (time < 1) return 0;
  // The logarithm may be off by the last bit.
  let bucket = 3 * Math.floor(Math.log10(time)) + 1;
  while (startOf(bucket) > time) bucket--;
  while (startOf(bucket + 1) <= time) bucket++;
  return bucket;
}
