/**
 * What the table of drops shows, and how keys change it.
 *
 * @module
 */

import type { Drop } from "../../trace/drop.ts";
import { type DropGroup, DropGroups, type GroupKey, ORDERS } from "./groups.ts";

/** What groups may be made by, in the order of the key that changes it. */
export const GROUPINGS: readonly (readonly GroupKey[])[] = [
  ["reason", "cause", "vif", "flow"],
  ["reason", "cause", "vif"],
  ["reason", "cause"],
  ["vif"],
  ["flow"],
];

/** Keys and what they do, as the help shows them. */
export const KEY_HELP: readonly (readonly [string, string])[] = [
  ["s", "sort by rate, by number, or by the latest drop"],
  ["g", "group by reason, cause, vif and flow; by fewer of them; by vif; by flow"],
  ["f, space", "freeze the table, or let it go on"],
  ["e, enter", "show the latest drop of the selected line, or hide it"],
  ["j, k, ↓, ↑", "select the next or the previous line"],
  ["?", "show or hide this help"],
  ["q", "quit"],
];

/** Lines that page up and page down move by. */
const PAGE = 10;

/** What is frozen. */
interface Frozen {
  readonly groups: readonly DropGroup[];
  readonly now: bigint;
}

/** State of the table. */
export class TableState {
  readonly tallies: DropGroups;
  #grouping = 0;
  #order = 0;
  #frozen: Frozen | null = null;
  #selected: string | null = null;
  readonly #expanded = new Set<string>();
  #helps = false;
  /** The last message, for the last line. */
  message = "";

  /** @param start of the trace, in nanoseconds of CLOCK_MONOTONIC */
  constructor(start: bigint) {
    this.tallies = new DropGroups(start);
  }

  get grouping(): readonly GroupKey[] {
    return GROUPINGS[this.#grouping]!;
  }

  get order(): typeof ORDERS[number] {
    return ORDERS[this.#order]!;
  }

  get isFrozen(): boolean {
    return this.#frozen !== null;
  }

  /** Whether the help is shown instead of the table. */
  get helps(): boolean {
    return this.#helps;
  }

  /** @param flow of the packet, in words */
  add(drop: Drop, flow: string): void {
    this.tallies.add(drop, flow);
  }

  /** The groups to show, in order. */
  groups(now: bigint): readonly DropGroup[] {
    return this.#frozen?.groups ?? this.tallies.groups(this.grouping, this.order, now);
  }

  /** Index of the selected group among `groups`: the first if there is none. */
  selected(groups: readonly DropGroup[]): number {
    return Math.max(0, groups.findIndex(({ id }) => id === this.#selected));
  }

  isExpanded({ id }: DropGroup): boolean {
    return this.#expanded.has(id);
  }

  /**
   * Does what a key is for.
   *
   * @returns `quit` if the user wants out; whether anything has changed
   */
  key(name: string, now: bigint): "quit" | boolean {
    switch (name) {
      case "q":
        return "quit";
      case "?":
        this.#helps = !this.#helps;
        return true;
      case "s":
        this.#order = (this.#order + 1) % ORDERS.length;
        this.#refreeze(now);
        return true;
      case "g":
        this.#grouping = (this.#grouping + 1) % GROUPINGS.length;
        this.#selected = null;
        this.#expanded.clear();
        this.#refreeze(now);
        return true;
      case "f":
      case " ":
        this.#frozen = this.isFrozen ? null : { groups: this.groups(now), now };
        return true;
      case "e":
      case "enter":
        return this.#expand(now);
      case "j":
      case "down":
        return this.#move(1, now);
      case "k":
      case "up":
        return this.#move(-1, now);
      case "page down":
        return this.#move(PAGE, now);
      case "page up":
        return this.#move(-PAGE, now);
      case "home":
        return this.#move(-Infinity, now);
      case "end":
        return this.#move(Infinity, now);
      default:
        return false;
    }
  }

  #expand(now: bigint): boolean {
    const groups = this.groups(now);
    const group = groups[this.selected(groups)];
    if (group === undefined) return false;
    // It stays with its group, whatever comes to stand above.
    this.#selected = group.id;
    if (!this.#expanded.delete(group.id)) this.#expanded.add(group.id);
    return true;
  }

  #move(by: number, now: bigint): boolean {
    const groups = this.groups(now);
    const to = Math.min(groups.length - 1, Math.max(0, this.selected(groups) + by));
    this.#selected = groups[to]?.id ?? null;
    return true;
  }

  /** Another order or grouping is of what there is by now. */
  #refreeze(now: bigint): void {
    if (this.#frozen === null) return;
    this.#frozen = { groups: this.tallies.groups(this.grouping, this.order, now), now };
  }
}
