/**
 * What functions return, to a recording and back.
 *
 * @module
 */

import type { ResultType } from "../kernel/result_type.ts";
import type { RecordedResults, RecordedResultType } from "./sections.ts";

/** The types of results, in the order of the functions; each of them is written once. */
export function recordedResults(types: readonly (ResultType | null)[]): RecordedResults {
  const numbers = new Map<string, number>();
  const all: RecordedResultType[] = [];
  const functions = types.map((type) => {
    if (type === null) return null;
    const recorded = recordedType(type);
    const key = JSON.stringify(recorded);
    let number = numbers.get(key);
    if (number === undefined) {
      number = all.length;
      numbers.set(key, number);
      all.push(recorded);
    }
    return number;
  });
  return { types: all, functions };
}

/** Likewise, back. */
export function resultsOf({ types, functions }: RecordedResults): (ResultType | null)[] {
  const all = types.map(typeOf);
  return functions.map((number) => number === null ? null : all[number] ?? null);
}

function recordedType(type: ResultType): RecordedResultType {
  switch (type.kind) {
    case "int":
      return { ...type, names: [] };
    case "enum":
      return { ...type, names: Array.from(type.names, ([value, name]) => [`${value}`, name]) };
    default:
      return { kind: type.kind, bits: 0, isSigned: false, names: [] };
  }
}

function typeOf({ kind, bits, isSigned, names }: RecordedResultType): ResultType | null {
  switch (kind) {
    case "void":
    case "bool":
    case "pointer":
      return { kind };
    case "int":
      return { kind, bits, isSigned };
    case "enum":
      return {
        kind,
        bits,
        isSigned,
        names: new Map(names.map(([value, name]) => [BigInt(value), name])),
      };
    default:
      // Of a newer minor version.
      return null;
  }
}
