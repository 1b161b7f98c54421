/**
 * Drops counted by label sets, of which there is a limit: what monitoring gets.
 *
 * @module
 */

import type { Drop, DropClass, DropDirection, DropSource } from "../../trace/drop.ts";

/** Drops that have all labels in common. */
export interface DropCount {
  readonly source: DropSource;
  /** `VP_DROP_DISCARD`, `SKB_DROP_REASON_NO_SOCKET`. */
  readonly reason: string;
  readonly class: DropClass;
  readonly cause: string | null;
  /** Index of the vif. */
  readonly vif: number | null;
  /** Of the vif, or else the one that the packet was on. */
  readonly device: string | null;
  readonly direction: DropDirection | null;
  count: number;
}

/** Number of label sets, without those of what has no room. */
export const MAX_LABEL_SETS = 2000;

/** All classes. */
const CLASSES: readonly DropClass[] = ["lost", "policy", "housekeeping", "counted", "unknown"];
/** Drops without room between two attempts to make some. */
const RETRY = 1000;

/** A node of the tree of label sets: what is below each value of a label. */
type Level = Map<string | number | null, Level | DropCount>;

/**
 * Counts drops. Nothing is allocated for a drop whose label set is known.
 *
 * Label sets come with vifs. When there are too many, those of vifs that are gone make room; what has no
 * room even so is counted by its class alone.
 */
export class DropCounts {
  readonly #limit: number;
  readonly #isGone: (vif: number, device: string | null) => boolean;
  #root: Level = new Map();
  #sets: DropCount[] = [];
  /** Drops without room before the next attempt. */
  #patience = 0;
  readonly #overflow = new Map<DropClass, number>(CLASSES.map((each) => [each, 0]));

  /**
   * @param isGone whether there is no such vif any more
   * @param limit number of label sets
   */
  constructor(
    isGone: (vif: number, device: string | null) => boolean,
    limit: number = MAX_LABEL_SETS,
  ) {
    this.#isGone = isGone;
    this.#limit = limit;
  }

  /** The label sets. */
  get sets(): readonly Readonly<DropCount>[] {
    return this.#sets;
  }

  /** Drops that had no room, of each class. */
  get overflow(): ReadonlyMap<DropClass, number> {
    return this.#overflow;
  }

  /** Counts a drop. */
  add(drop: Drop): void {
    const count = this.#find(drop) ?? this.#make(drop);
    if (count !== null) count.count++;
    else this.#overflow.set(drop.reason.class, this.#overflow.get(drop.reason.class)! + 1);
  }

  #find({ source, reason, cause, vif, device, direction }: Drop): DropCount | undefined {
    // No loop over an array of the values, which would be one more for each drop.
    let level = this.#root.get(source) as Level | undefined;
    level = level?.get(reason.name) as Level | undefined;
    level = level?.get(reason.class) as Level | undefined;
    level = level?.get(cause) as Level | undefined;
    level = level?.get(vif === null ? null : vif.index) as Level | undefined;
    level = level?.get(vif?.device ?? device) as Level | undefined;
    return level?.get(direction) as DropCount | undefined;
  }

  /** A new label set; `null` if there is no room. */
  #make({ source, reason, cause, vif, device, direction }: Drop): DropCount | null {
    if (this.#sets.length >= this.#limit && !this.#makeRoom()) return null;
    const count: DropCount = {
      source,
      reason: reason.name,
      class: reason.class,
      cause,
      vif: vif?.index ?? null,
      device: vif?.device ?? device,
      direction,
      count: 0,
    };
    this.#insert(count);
    this.#sets.push(count);
    return count;
  }

  #insert(count: DropCount): void {
    const { source, reason, class: kind, cause, vif, device, direction } = count;
    let level = this.#root;
    for (const value of [source, reason, kind, cause, vif, device]) {
      const below = (level.get(value) ?? new Map()) as Level;
      level.set(value, below);
      level = below;
    }
    level.set(direction, count);
  }

  /** Whether there is room again. */
  #makeRoom(): boolean {
    if (this.#patience > 0) {
      this.#patience--;
      return false;
    }
    this.#patience = RETRY;
    this.#sets = this.#sets.filter(({ vif, device }) => vif === null || !this.#isGone(vif, device));
    this.#root = new Map();
    for (const count of this.#sets) this.#insert(count);
    return this.#sets.length < this.#limit;
  }
}
