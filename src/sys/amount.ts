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
 * A percentage for people: `1,234 %`, `123 %`, `4.5 %`, `4 %`.
 *
 * @param share in per cent, not negative
 */
export function percent(share: number): string {
  const tenths = Math.round(share * 10);
  return tenths < 100 ? `${tenths / 10} %` : `${amount(Math.round(share))} %`;
}
