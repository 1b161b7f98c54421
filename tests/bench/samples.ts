/**
 * What the benchmarks report: a line of JSON for each thing that was seen, written as soon as it is
 * known, so that what was measured before a guest had to be ended is not lost.
 *
 * @module
 */

/** One line. */
export type Line =
  /** One measured value. */
  | { readonly key: string; readonly value: number }
  /** How the values of this key come about: the command line, or in words. */
  | { readonly key: string; readonly command: string }
  /** Why there is no value, or one less. */
  | { readonly key: string; readonly problem: string }
  /** Something about the values that a reader has to know. */
  | { readonly key: string; readonly note: string }
  /** What was measured on: `kernel`, `functions` … */
  | { readonly fact: string; readonly text: string }
  /** A part of the benchmark has ended. */
  | { readonly part: string; readonly seconds: number };

/** All that is known under one key. */
export interface Sample {
  readonly values: readonly number[];
  /** Each once. */
  readonly commands: readonly string[];
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Everything that was reported. */
export interface Results {
  readonly samples: ReadonlyMap<string, Sample>;
  readonly facts: ReadonlyMap<string, string>;
  readonly parts: readonly { readonly part: string; readonly seconds: number }[];
}

/** Writes a line to stdout. */
export function report(line: Line): void {
  console.log(JSON.stringify(line));
}

const EMPTY: Sample = { values: [], commands: [], problems: [], notes: [] };

/**
 * Puts lines together.
 *
 * @param text lines as {@linkcode report} writes them. Others are left out: a line may be cut short by
 * the end of its guest.
 */
export function collect(text: string): Results {
  const samples = new Map<string, Sample>();
  const facts = new Map<string, string>();
  const parts: { part: string; seconds: number }[] = [];
  for (const line of text.split("\n").map(parse)) {
    if (line === null) continue;
    if ("fact" in line) facts.set(line.fact, line.text);
    else if ("part" in line) parts.push({ part: line.part, seconds: line.seconds });
    else samples.set(line.key, added(samples.get(line.key) ?? EMPTY, line));
  }
  return { samples, facts, parts };
}

function added(sample: Sample, line: Extract<Line, { key: string }>): Sample {
  if ("value" in line) return { ...sample, values: [...sample.values, line.value] };
  if ("command" in line) return { ...sample, commands: once(sample.commands, line.command) };
  if ("problem" in line) return { ...sample, problems: once(sample.problems, line.problem) };
  return { ...sample, notes: once(sample.notes, line.note) };
}

function once(list: readonly string[], text: string): readonly string[] {
  return list.includes(text) ? list : [...list, text];
}

function parse(text: string): Line | null {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof line !== "object" || line === null) return null;
  const { key, value, command, problem, note, fact, text: words, part, seconds } = line as Record<
    string,
    unknown
  >;
  if (typeof key === "string") {
    // JSON has no NaN: what could not be computed arrives as null, and is no value.
    if (typeof value === "number") return { key, value };
    if (typeof command === "string") return { key, command };
    if (typeof problem === "string") return { key, problem };
    if (typeof note === "string") return { key, note };
  }
  if (typeof fact === "string" && typeof words === "string") return { fact, text: words };
  if (typeof part === "string" && typeof seconds === "number") return { part, seconds };
  return null;
}

/** The middle of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("No values have no median");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
