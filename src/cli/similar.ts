/**
 * Which command a wrong word was meant to be.
 *
 * @module
 */

import { SUBCOMMANDS } from "./grammar.ts";

/** Share of a word's letters that may be wrong. */
const TOLERANCE = 0.4;

/** The command that `word` looks like, but is not; `null` if there is none. */
export function similarCommand(word: string): string | null {
  const ranked = SUBCOMMANDS.map(({ name }) => ({ name, distance: distance(word, name) }))
    .filter(({ name, distance }) => distance <= TOLERANCE * Math.max(word.length, name.length))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name ?? null;
}

/** Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  // More than any command has, so that a long word takes no time.
  if (Math.abs(a.length - b.length) > b.length) return Infinity;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
