/**
 * The functions that records are of. A trace attaches to some 2,000, whose names take more than all else of a
 * short recording; few of them are called.
 *
 * @module
 */

import { NO_FUNCTION } from "../probe/packet_record.ts";
import { RECORD_FUNCTIONS } from "../probe/record.ts";
import type { RecordedFunction, RecordedResults, Section } from "./sections.ts";

const UNSEEN = 0xffff;
/** Number of what is in no table; a reader has as few functions as a writer. */
const NOWHERE = RECORD_FUNCTIONS - 1;

/** Numbers the functions in the order in which they occur. */
export class OccurringFunctions {
  readonly #all: readonly RecordedFunction[];
  readonly #results: RecordedResults | null;
  /** By the number of the trace: that in the recording. */
  readonly #numbers = new Uint16Array(NO_FUNCTION + 1).fill(UNSEEN);
  /** By the number in the recording: that of the trace. */
  readonly #found: number[] = [];
  #told = 0;

  /**
   * @param all by the number of the trace
   * @param results what they return, likewise; `null` if results are not recorded
   */
  constructor(all: readonly RecordedFunction[], results: RecordedResults | null = null) {
    this.#all = all;
    this.#results = results;
    this.#numbers[NO_FUNCTION] = NO_FUNCTION;
  }

  /** Number of a function in the recording. */
  number(fn: number): number {
    const number = this.#numbers[fn]!;
    return number === UNSEEN ? this.#add(fn) : number;
  }

  /** Sections of all functions so far; none if there are no more than at the last call. */
  take(): Section[] {
    const found = this.#found;
    if (found.length === this.#told) return [];
    this.#told = found.length;
    const sections: Section[] = [
      { name: "functions", value: found.map((fn) => this.#all[fn]!) },
    ];
    const results = this.#results;
    if (results !== null) {
      const functions = found.map((fn) => results.functions[fn] ?? null);
      sections.push({ name: "results", value: occurring(results.types, functions) });
    }
    return sections;
  }

  #add(fn: number): number {
    if (fn >= this.#all.length) return NOWHERE;
    const number = this.#found.length;
    this.#numbers[fn] = number;
    this.#found.push(fn);
    return number;
  }
}

/** Without the types that none of the functions returns. */
function occurring(
  types: RecordedResults["types"],
  functions: RecordedResults["functions"],
): RecordedResults {
  const numbers = [...new Set(functions)].filter((number) => number !== null);
  const place = new Map(numbers.map((number, index) => [number, index]));
  return {
    types: numbers.map((number) => types[number]!),
    functions: functions.map((number) => number === null ? null : place.get(number)!),
  };
}
