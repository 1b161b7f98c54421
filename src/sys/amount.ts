/**
 * Numbers for people.
 *
 * @module
 */

/**
 * A count with thousands separators: `1,234,567`. Does not use `toLocaleString()`, whose setup takes a
 * fifth of a second on a slow machine and would delay Ctrl-C.
 *
 * @param count a non-negative whole number
 */
export function amount(count: number): string {
  return `${count}`.replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/**
 * How many there are of something: `1 packet`, `1,234 packets`.
 *
 * @param count a non-negative whole number
 * @param noun in the singular; its plural has an s
 */
export function counted(count: number, noun: string): string {
  return `${amount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A count of something, the noun for one, and the words that follow it. */
export type NounCount = readonly [count: number, noun: string, rest: string];

/** Those of some counts that are not zero, in words. */
export function* countsInWords(
  counts: Iterable<NounCount>,
): Generator<string, void, undefined> {
  for (const [count, noun, rest] of counts) if (count > 0) yield counted(count, noun) + rest;
}

/**
 * A percentage for people: `1,234 %`, `123 %`, `4.5 %`, `4 %`.
 *
 * @param share in per cent, not negative
 */
export function percent(share: number): string {
  const tenths = Math.round(share * 10);
  return tenths < 100 ? `${tenths / 10} %` : `${amount(Math.round(share))} %`;
}
