/**
 * Drops counted by what they have in common.
 *
 * @module
 */

import { printable } from "../../sys/printable.ts";
import type { Drop, DropClass } from "../../trace/drop.ts";
import { reasonText, vifText } from "./words.ts";

/** What drops are grouped by. */
export const KEYS = ["reason", "cause", "vif", "flow"] as const;

/** One of {@linkcode KEYS}. */
export type GroupKey = typeof KEYS[number];

/** Orders of groups, the greatest first. */
export const ORDERS = ["rate", "count", "last"] as const;

/** One of {@linkcode ORDERS}. */
export type GroupOrder = typeof ORDERS[number];

/** Drops that have something in common. */
export interface DropGroup {
  /** What no other group of the same grouping has. */
  readonly id: string;
  /** What they have in common, of the keys that they are grouped by; safe for a terminal. */
  readonly values: Readonly<Partial<Record<GroupKey, string>>>;
  readonly count: number;
  /** Drops per second, of the last few seconds. */
  readonly rate: number;
  /** The latest of them. */
  readonly latest: Drop;
}

/** Groups that are told apart; beyond, the flows of the oldest no longer are. */
const MAX_GROUPS = 4096;
/** Seconds that rates are averaged over. */
const RATE_SECONDS = 5;
/** A power of two above {@linkcode RATE_SECONDS}. */
const SLOTS = 8;
const NS_PER_SECOND = 1_000_000_000n;
const OTHER = "others";

/** Drops by all keys. */
class Tally {
  count = 0;
  readonly #perSecond = new Uint32Array(SLOTS);
  #second = 0;

  constructor(readonly values: Readonly<Record<GroupKey, string>>, public latest: Drop) {}

  add(drop: Drop): void {
    this.#advance(secondOf(drop.time));
    this.#perSecond[secondOf(drop.time) % SLOTS]!++;
    this.count++;
    this.latest = drop;
  }

  /** Takes over the drops of another. */
  absorb(other: Tally): void {
    this.count += other.count;
    if (other.latest.time > this.latest.time) this.latest = other.latest;
  }

  /** Drops in the last {@linkcode RATE_SECONDS} seconds, the current one included. */
  recent(second: number): number {
    this.#advance(second);
    let sum = 0;
    for (let ago = 0; ago < RATE_SECONDS; ago++) {
      sum += this.#perSecond[(second - ago + SLOTS) % SLOTS]!;
    }
    return sum;
  }

  /** Clears the slots of seconds that have begun since. */
  #advance(second: number): void {
    const steps = Math.min(SLOTS, second - this.#second);
    for (let step = 0; step < steps; step++) this.#perSecond[(second - step + SLOTS) % SLOTS] = 0;
    this.#second = Math.max(this.#second, second);
  }
}

/** Counts drops. */
export class DropGroups {
  /** By all keys; in the order of their latest drop. */
  readonly #tallies = new Map<string, Tally>();
  readonly #classes = new Map<DropClass, number>();
  readonly #start: bigint;
  readonly #limit: number;

  /** @param start of the trace, in nanoseconds of CLOCK_MONOTONIC */
  constructor(start: bigint, limit: number = MAX_GROUPS) {
    this.#start = start;
    this.#limit = limit;
  }

  /** @param flow of the packet, in words */
  add(drop: Drop, flow: string): void {
    const values = {
      reason: reasonText(drop),
      cause: printable(drop.cause ?? ""),
      vif: vifText(drop),
      flow: printable(flow),
    };
    this.#put(values, drop).add(drop);
    this.#classes.set(drop.reason.class, this.classCount(drop.reason.class) + 1);
    this.#shrink();
  }

  /** Drops of a class. */
  classCount(kind: DropClass): number {
    return this.#classes.get(kind) ?? 0;
  }

  /**
   * The groups, in order.
   *
   * @param by what they are grouped by
   * @param now nanoseconds of CLOCK_MONOTONIC
   */
  groups(by: readonly GroupKey[], order: GroupOrder, now: bigint): DropGroup[] {
    const second = secondOf(now);
    const window = Number(now % NS_PER_SECOND) / 1e9 + RATE_SECONDS - 1;
    const seconds = Math.max(1, Math.min(window, Number(now - this.#start) / 1e9));
    const found = new Map<string, Collected>();
    for (const tally of this.#tallies.values()) {
      const values = Object.fromEntries(by.map((key) => [key, tally.values[key]]));
      const id = idOf(Object.values(values));
      const group = found.get(id) ?? new Collected(id, values, tally.latest);
      found.set(id, group);
      group.count += tally.count;
      group.rate += tally.recent(second) / seconds;
      if (tally.latest.time > group.latest.time) group.latest = tally.latest;
    }
    return [...found.values()].sort((a, b) => compare(a, b, order));
  }

  /** The tally of these values, now the one with the latest drop. */
  #put(values: Readonly<Record<GroupKey, string>>, drop: Drop): Tally {
    const id = idOf(Object.values(values));
    const tally = this.#tallies.get(id) ?? new Tally(values, drop);
    this.#tallies.delete(id);
    this.#tallies.set(id, tally);
    return tally;
  }

  /** Joins the oldest with others that differ by their flow alone, if need be by their vif. */
  #shrink(): void {
    // What is put in meanwhile comes at the end of the iteration.
    for (const [id, tally] of this.#tallies) {
      if (this.#tallies.size <= this.#limit) return;
      const { values } = tally;
      if (values.flow === OTHER && values.vif === OTHER) continue;
      this.#tallies.delete(id);
      const joined = values.flow === OTHER ? { ...values, vif: OTHER } : { ...values, flow: OTHER };
      this.#put(joined, tally.latest).absorb(tally);
    }
  }
}

/** A group while it is being put together. */
class Collected implements DropGroup {
  count = 0;
  rate = 0;

  constructor(
    readonly id: string,
    readonly values: DropGroup["values"],
    public latest: Drop,
  ) {}
}

/** Of values, which contain no control characters. */
function idOf(values: readonly (string | undefined)[]): string {
  return values.join("\n");
}

function secondOf(time: bigint): number {
  return Number(time / NS_PER_SECOND);
}

function compare(a: DropGroup, b: DropGroup, order: GroupOrder): number {
  const last = a.latest.time === b.latest.time ? 0 : a.latest.time < b.latest.time ? 1 : -1;
  switch (order) {
    case "rate":
      return b.rate - a.rate || b.count - a.count || last;
    case "count":
      return b.count - a.count || last;
    case "last":
      return last;
  }
}
