/**
 * Which of the words that there are a wrong one was meant to be.
 *
 * @module
 */

/** How much a word may be wrong. */
export interface Tolerance {
  /** The most letters that may be wrong for it to be meant as `known`. */
  readonly limit: (known: string) => number;
  /** Whether the beginning of a word stands for it, as if one letter were wrong. */
  readonly beginnings?: boolean;
}

/** Those of `known` that `word` looks like, the most similar first. */
export function nearest(
  word: string,
  known: readonly string[],
  { limit, beginnings = false }: Tolerance,
): string[] {
  return known
    .map((one) => {
      const most = limit(one);
      const wrong = beginnings && one.startsWith(word) ? 1 : editDistance(word, one, most);
      return { one, wrong, most };
    })
    .filter(({ wrong, most }) => wrong <= most)
    .sort((a, b) => a.wrong - b.wrong)
    .map(({ one }) => one);
}

/**
 * Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment).
 *
 * @param limit of interest: a larger distance may be returned as Infinity, which takes no time for a word
 * that is too long
 */
export function editDistance(from: string, to: string, limit = Infinity): number {
  if (Math.abs(from.length - to.length) > limit) return Infinity;
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      let least = Math.min(replaced, last[column]! + 1, current[column - 1]! + 1);
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (swapped) least = Math.min(least, beforeLast[column - 2]! + 1);
      current.push(least);
    }
    [beforeLast, last] = [last, current];
  }
  return last[to.length]!;
}
