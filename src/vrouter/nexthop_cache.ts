/**
 * The nexthops by id, as they are at the moment: the module does not announce them, so they are listed
 * again now and then.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import { type Nexthop, readNexthops } from "./nexthops.ts";

/** Milliseconds between two listings. */
const PERIOD_MS = 5000;
/** Milliseconds from a question about an unknown nexthop to a listing. */
const SOON_MS = 100;
/** Maximum share of the time spent listing: with 4,000 nexthops it takes some 250 requests. */
const SHARE = 1 / 100;

/** Where the nexthops come from: this machine, or a test. */
export interface NexthopSource {
  /** The current nexthops; `null` if they are not those of the traced module. @throws {Failure} */
  readonly list: () => readonly Nexthop[] | null;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Knows the nexthops, once {@linkcode NexthopCache.turn} has been called. */
export class NexthopCache {
  readonly #source: NexthopSource;
  #known: ReadonlyMap<number, Nexthop> = new Map();
  #all: readonly Nexthop[] = [];
  /** Ids asked for that are not there: asking again does not make the next listing come sooner. */
  readonly #missed = new Set<number>();
  #due = -Infinity;
  #earliest = -Infinity;

  constructor(source: NexthopSource) {
    this.#source = source;
  }

  /**
   * A nexthop as it was listed last; `undefined` if it is not there, or too new: then it will be listed
   * soon.
   */
  get(id: number): Nexthop | undefined {
    const nexthop = this.#known.get(id);
    if (nexthop === undefined && !this.#missed.has(id)) {
      this.#missed.add(id);
      this.#due = Math.min(this.#due, Math.max(this.#earliest, this.#source.now() + SOON_MS));
    }
    return nexthop;
  }

  /** All as they were listed last: the same array until they are listed again. */
  get all(): readonly Nexthop[] {
    return this.#all;
  }

  /** Lists the nexthops if that is due. Call it often: it costs a look at the clock. */
  turn(): void {
    const start = this.#source.now();
    if (start < this.#due) return;
    this.#look();
    const end = this.#source.now();
    this.#earliest = end + (end - start) / SHARE;
    this.#due = Math.max(this.#earliest, end + PERIOD_MS);
  }

  /** What cannot be listed stays as it was. */
  #look(): void {
    try {
      const nexthops = this.#source.list();
      if (nexthops === null) return;
      this.#all = nexthops;
      this.#known = new Map(nexthops.map((nexthop) => [nexthop.id, nexthop]));
      for (const { id } of nexthops) this.#missed.delete(id);
    } catch (error) {
      if (!(error instanceof Failure || error instanceof SystemError)) throw error;
    }
  }
}

/**
 * The nexthops of this kernel's module.
 *
 * @param isSame whether the module is still the traced one
 */
export function nexthopSource(isSame: () => boolean): NexthopSource {
  return { list: () => isSame() ? readNexthops() : null, now: () => performance.now() };
}
