/**
 * Numbers for a person.
 *
 * @module
 */

/**
 * A count with its thousands set apart: `1,234,567`. Not by `toLocaleString()`: setting up the formatter
 * takes a slow machine a fifth of a second, which Ctrl-C would have to wait for.
 *
 * @param count a whole number, not negative
 */
export function amount(count: number): string {
  return `${count}`.replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/**
 * A share for a person: `1,234 %`, `123 %`, `4.5 %`, `4 %`.
 *
 * @param share per cent, not negative
 */
export function percent(share: number): string {
  const tenths = Math.round(share * 10);
  return tenths < 100 ? `${tenths / 10} %` : `${amount(Math.round(share))} %`;
}
