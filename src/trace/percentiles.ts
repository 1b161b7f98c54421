/**
 * Percentiles of many times in little memory: log-linear buckets, 32 for each power of two, so what is told
 * is too high by at most 3 %.
 *
 * @module
 */

/** What is known of some times. */
export interface Times {
  readonly count: number;
  /** Nanoseconds, like the next two: half of the times are not above it. */
  readonly p50: number;
  readonly p99: number;
  /** Exact. */
  readonly max: number;
}

const BITS = 5;
const STEPS = 1 << BITS;
const FIRST_BUCKETS = 8 * STEPS;

/** Counts times. Its memory grows with the logarithm of the longest: 15 KB for 100 days. */
export class Percentiles {
  #counts = new Uint32Array(FIRST_BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** @param time nanoseconds, 0 to 2^53 - 1 */
  add(time: number): void {
    const bucket = bucketOf(time);
    if (bucket >= this.#counts.length) this.#grow(bucket);
    this.#counts[bucket]!++;
    this.#count++;
    if (time > this.#max) this.#max = time;
  }

  /**
   * The time that some share of the times does not exceed; 0 if there are none.
   *
   * @param share above 0, up to 1
   */
  at(share: number): number {
    // A product that is a whole number may come out a little above it.
    const rank = Math.ceil(share * this.#count - 1e-9);
    let below = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      below += this.#counts[bucket]!;
      if (below >= rank && below > 0) return Math.min(this.#max, lastOf(bucket));
    }
    return 0;
  }

  get times(): Times {
    return { count: this.#count, p50: this.at(0.5), p99: this.at(0.99), max: this.#max };
  }

  #grow(bucket: number): void {
    const counts = new Uint32Array(Math.max(2 * this.#counts.length, bucket + 1));
    counts.set(this.#counts);
    this.#counts = counts;
  }
}

/** Up to 2 * STEPS each has its own. */
function bucketOf(time: number): number {
  if (time < 2 * STEPS) return Math.floor(time);
  const power = Math.floor(Math.log2(time));
  const width = 2 ** (power - BITS);
  // The logarithm of a number just below a power of two may be that power.
  const step = Math.floor(time / width);
  return (power - BITS) * STEPS + step;
}

/** The longest time of a bucket. */
function lastOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const power = Math.floor(bucket / STEPS) - 1;
  const step = bucket % STEPS + STEPS;
  return (step + 1) * 2 ** power - 1;
}
