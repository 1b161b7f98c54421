/**
 * The module's drop counters in a recording: as vrft drops reads them, to be compared later.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import type {
  RecordedDropCounters,
  RecordedDropStats,
  RecordedReading,
  Section,
} from "../recording/sections.ts";
import { Failure } from "../sys/failure.ts";
import type { DropCounters } from "../trace/reconcile.ts";

/** Milliseconds between readings. */
const PERIOD_MS = 1000;
/** Vifs and reasons that are told apart in a recording, which may come from anywhere. */
const MAX_VIFS = 1024;
const MAX_REASONS = 1024;

/** Where readings are from. */
export interface DropStatsSources {
  /**
   * Reads the module's counters.
   *
   * @param withVifs whether also those of each vif, which takes a request each
   * @throws {Failure} if the module does not answer
   */
  readonly read: (withVifs: boolean) => DropCounters;
  /** Nanoseconds of the clock of records. */
  readonly time: () => bigint;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Reads them at the moments that `Reconciliation` reads them at. */
export class DropStatsReader {
  readonly #sources: DropStatsSources;
  readonly #log: Log;
  #readings: RecordedDropCounters[] | null = [];
  #due = Infinity;
  /** The latest, and one for which all records up to now are waited for. */
  #known: RecordedDropCounters = NOTHING;
  /** Whether nothing was dropped during the last reading. */
  #isSettled = true;
  #pending: { readonly time: bigint; readonly before: RecordedDropCounters } | null = null;

  constructor(sources: DropStatsSources, log: Log) {
    this.#sources = sources;
    this.#log = log;
  }

  /** Before anything is recorded, once recording has begun, before it ends, and after that. */
  take(): void {
    const reading = this.#read(true);
    if (reading === null) return;
    this.#readings?.push(reading);
    this.#known = reading;
    this.#pending = null;
    this.#due = this.#readings?.length === 2 ? this.#sources.now() + PERIOD_MS : Infinity;
  }

  /** Called at least every tenth of a second. */
  turn(): void {
    if (this.#sources.now() < this.#due) return;
    this.#due = this.#sources.now() + PERIOD_MS;
    // Most of the time nothing has been dropped.
    const all = this.#read(false)?.all;
    if (all === undefined || (this.#isSettled && isEmpty(changed(all, this.#known.all)))) return;
    const before = this.#read(true);
    if (before !== null) this.#pending = { time: this.#sources.time(), before };
  }

  /** All records up to now have been taken: the reading to add. */
  dry(): readonly Section[] {
    const pending = this.#pending;
    if (pending === null) return [];
    this.#pending = null;
    const after = this.#read(true);
    if (after === null) return [];
    const known = this.#known;
    this.#known = after;
    this.#isSettled = isEmpty(changed(after.all, pending.before.all));
    const value: RecordedReading = {
      time: pending.time,
      before: changes(pending.before, known),
      after: changes(after, known),
    };
    return [{ name: "reading", value }];
  }

  /** All readings; `null` if the module has not always answered. */
  get stats(): RecordedDropStats | null {
    const [before, begun, ending, after] = this.#readings ?? [];
    if (!before || !begun || !ending || !after) return null;
    return { start: [before, begun], end: [ending, after] };
  }

  #read(withVifs: boolean): RecordedDropCounters | null {
    if (this.#readings === null) return null;
    try {
      return recorded(this.#sources.read(withVifs));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#log.info(`The module's drop counters are not recorded: ${error.message}`);
      this.#readings = null;
      this.#due = Infinity;
      return null;
    }
  }
}

/** Returns one reading after the other, as a recording that is read has them. */
export class RecordedReadings {
  readonly #ends: Iterator<RecordedDropCounters>;
  readonly #between: RecordedDropCounters[] = [];
  /** The counters as they are by now. */
  #known: RecordedDropCounters;

  constructor({ start, end }: RecordedDropStats) {
    this.#ends = [...start, ...end].values();
    this.#known = start[1];
  }

  /**
   * One of a moment between records: the next two calls of {@linkcode read} return it.
   *
   * @returns whether nothing was dropped during that; otherwise there is another one soon
   */
  moment({ before, after }: Pick<RecordedReading, "before" | "after">): boolean {
    const first = merged(this.#known, before);
    this.#known = merged(this.#known, after);
    this.#between.splice(0, 2, first, this.#known);
    return isEmpty(changed(this.#known.all, first.all));
  }

  /** A moment without a change since the last one. */
  same(): void {
    this.moment({ before: NOTHING, after: NOTHING });
  }

  /** The next reading. */
  read(): DropCounters {
    const value: RecordedDropCounters | undefined = this.#between.shift() ??
      this.#ends.next().value;
    if (value === undefined) throw new Error("There are four readings of the ends");
    return {
      all: new Map(Object.entries(value.all)),
      vifs: new Map(value.vifs.map(([index, counts]) => [index, new Map(Object.entries(counts))])),
    };
  }

  /** Those of moments are not asked for. */
  pass(): void {
    this.#between.length = 0;
  }
}

const NOTHING: RecordedDropCounters = { all: {}, vifs: [] };

function recorded({ all, vifs }: DropCounters): RecordedDropCounters {
  return {
    all: nonzero(all),
    vifs: [...vifs].map(([index, counts]) => [index, nonzero(counts)] as const),
  };
}

/** Counters that are missing are 0. */
function nonzero(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].filter(([, count]) => count !== 0));
}

type Counts = Readonly<Record<string, number>>;

function changed(counts: Counts, known: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).filter(([name, count]) => count !== known[name]),
  );
}

function isEmpty(counts: Counts): boolean {
  return Object.keys(counts).length === 0;
}

/** Of vifs, only those with a change. */
function changes(now: RecordedDropCounters, known: RecordedDropCounters): RecordedDropCounters {
  const before = new Map(known.vifs);
  return {
    all: changed(now.all, known.all),
    vifs: now.vifs.map(([index, counts]) =>
      [index, changed(counts, before.get(index) ?? {})] as const
    ).filter(([index, counts]) => !before.has(index) || !isEmpty(counts)),
  };
}

function merged(known: RecordedDropCounters, more: RecordedDropCounters): RecordedDropCounters {
  const vifs = new Map(known.vifs);
  for (const [index, counts] of more.vifs) {
    if (vifs.size >= MAX_VIFS && !vifs.has(index)) continue;
    vifs.set(index, mergedCounts(vifs.get(index) ?? {}, counts));
  }
  return { all: mergedCounts(known.all, more.all), vifs: [...vifs] };
}

function mergedCounts(known: Counts, more: Counts): Counts {
  const all = new Map(Object.entries(known));
  for (const [name, count] of Object.entries(more)) {
    if (all.size < MAX_REASONS || all.has(name)) all.set(name, count);
  }
  return Object.fromEntries(all);
}
