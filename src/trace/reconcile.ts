/**
 * The module's own drop counters beside the drops that were seen.
 *
 * Counters and drops cannot be read at one moment. So each end of the comparison has two readings of the
 * counters, with that of the seen drops in between: if what was seen lies between the two differences, it
 * agrees.
 *
 * @module
 */

import type { Drop, DropReason, DropVif, Reconciled } from "./drop.ts";

/** Drop counters of the module, by the name of the reason; those that are missing are 0. */
export interface DropCounters {
  readonly all: ReadonlyMap<string, number>;
  /** By index of the vif. */
  readonly vifs: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

/** Counters before and after something that took a while. */
export interface Readings {
  readonly before: DropCounters;
  readonly after: DropCounters;
}

/** Names of reasons whose counter the module leaves out of its answer. */
const UNREADABLE: ReadonlySet<string> = new Set(["VP_DROP_HEAD_ALLOC_FAIL"]);

/** Counts drops by what the module counts them by. */
export class SeenDrops {
  readonly #all = new Map<string, number>();
  readonly #vifs = new Map<number, Map<string, number>>();
  readonly #reasons = new Map<string, DropReason>();
  readonly #known = new Map<number, DropVif>();

  /** @param drop only those of vrouter count */
  add({ source, reason, vif }: Drop): void {
    if (source !== "vrouter") return;
    const { name } = reason;
    this.#reasons.set(name, reason);
    count(this.#all, name);
    if (vif === null) return;
    this.#known.set(vif.index, vif);
    const ofVif = this.#vifs.get(vif.index) ?? new Map<string, number>();
    this.#vifs.set(vif.index, ofVif);
    count(ofVif, name);
  }

  /** The counts by now. */
  snapshot(): DropCounters {
    return {
      all: new Map(this.#all),
      vifs: new Map([...this.#vifs].map(([index, counts]) => [index, new Map(counts)])),
    };
  }

  /**
   * Compares what was seen with the module's counters.
   *
   * @param seen a snapshot
   * @param start readings around the start of the trace
   * @param end readings around the snapshot
   * @param reasonOf a reason by its name
   * @returns a comparison for each reason that was seen or counted, first of all vifs, then of each
   */
  compare(
    seen: DropCounters,
    start: Readings,
    end: Readings,
    reasonOf: (name: string) => DropReason,
  ): Reconciled[] {
    const of = (
      vif: DropVif | null,
      pick: (counters: DropCounters) => ReadonlyMap<string, number> | undefined,
    ): Reconciled[] => {
      const value = (counters: DropCounters, name: string): number =>
        pick(counters)?.get(name) ?? 0;
      const names = new Set([seen, end.before, end.after].flatMap((counters) => [
        ...pick(counters)?.keys() ?? [],
      ]));
      return [...names].flatMap((name): Reconciled[] => {
        const least = value(end.before, name) - value(start.after, name);
        const most = value(end.after, name) - value(start.before, name);
        const saw = value(seen, name);
        const module = Math.max(0, Math.min(Math.max(saw, least), most));
        if (module === 0 && saw === 0) return [];
        const reason = this.#reasons.get(name) ?? reasonOf(name);
        return [{ reason, vif, module, seen: saw, exception: exceptionOf(reason) }];
      }).sort((a, b) => a.reason.number - b.reason.number);
    };
    // One that came or went meanwhile cannot be compared.
    const readings = [start.before, start.after, end.before, end.after];
    const indexes = [...end.after.vifs.keys()]
      .filter((index) => readings.every(({ vifs }) => vifs.has(index)));
    return [
      ...of(null, ({ all }) => all),
      ...indexes.sort((a, b) => a - b).flatMap((index) =>
        of(this.#known.get(index) ?? { index, device: null }, ({ vifs }) => vifs.get(index))
      ),
    ];
  }
}

/** Whether module and vrft agree, as far as they should. */
export function agrees({ module, seen, exception }: Reconciled): boolean {
  return module === seen || exception !== null;
}

function exceptionOf(reason: DropReason): string | null {
  if (reason.class === "counted") return "counted without a free";
  return UNREADABLE.has(reason.name) ? "the module does not report this counter" : null;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
