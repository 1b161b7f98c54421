/**
 * Random numbers for property tests: the same seed gives the same run, on every machine.
 *
 * @module
 */

/** A small generator (mulberry32), for tests only. */
export class Random {
  #state: number;

  /** @param seed any integer; only its low 32 bits are used */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `belowExclusive` - 1; `belowExclusive` is 1 to 2^32. */
  int(belowExclusive: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000 * belowExclusive);
  }

  /** `n` random bytes. */
  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.int(256));
  }

  /** One element of `list`, which must not be empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }
}
