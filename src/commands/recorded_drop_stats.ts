/**
 * The module's drop counters in a recording: as vrft drops reads them, to be compared later.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import type { RecordedDropCounters, RecordedDropStats } from "../recording/sections.ts";
import { Failure } from "../sys/failure.ts";
import type { DropCounters } from "../trace/reconcile.ts";

/** Reads them at the four moments that `Reconciliation` reads them at. */
export class DropStatsReader {
  readonly #read: () => DropCounters;
  readonly #log: Log;
  #readings: RecordedDropCounters[] | null = [];

  /** @param read reads the module's counters, or throws a failure */
  constructor(read: () => DropCounters, log: Log) {
    this.#read = read;
    this.#log = log;
  }

  /** Before anything is recorded, once recording has begun, before it ends, and after that. */
  take(): void {
    try {
      this.#readings?.push(recorded(this.#read()));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#log.info(`The module's drop counters are not recorded: ${error.message}`);
      this.#readings = null;
    }
  }

  /** All readings; `null` if the module has not always answered. */
  get stats(): RecordedDropStats | null {
    const [before, begun, ending, after] = this.#readings ?? [];
    if (!before || !begun || !ending || !after) return null;
    return { start: [before, begun], end: [ending, after] };
  }
}

/** Returns one reading after the other. */
export function recordedReadings({ start, end }: RecordedDropStats): () => DropCounters {
  const readings = [...start, ...end].values();
  return () => {
    const { value } = readings.next();
    if (value === undefined) throw new Error("The counters are read four times");
    return {
      all: new Map(Object.entries(value.all)),
      vifs: new Map(value.vifs.map(([index, counts]) => [index, new Map(Object.entries(counts))])),
    };
  };
}

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
