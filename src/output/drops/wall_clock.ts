/**
 * Times of CLOCK_MONOTONIC as those of the wall clock.
 *
 * @module
 */

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/**
 * Local time of the day: `14:03:07.412`.
 *
 * @param nanoseconds of CLOCK_MONOTONIC
 * @param offset what CLOCK_REALTIME is ahead of that
 */
export function localTime(nanoseconds: bigint, offset: bigint): string {
  const date = dateOf(nanoseconds, offset);
  return `${timeOfDay(date)}.${digits(date.getMilliseconds(), 3)}`;
}

/**
 * The same with the day: `2026/11/26 14:03:07.412`.
 *
 * @param nanoseconds of CLOCK_MONOTONIC
 * @param offset what CLOCK_REALTIME is ahead of that
 */
export function localDateTime(nanoseconds: bigint, offset: bigint): string {
  return `${localDay(dateOf(nanoseconds, offset))} ${localTime(nanoseconds, offset)}`;
}

/** Local day in the format of Go's log package: `2026/11/26`. */
export function localDay(date: Date): string {
  return [date.getFullYear(), digits(date.getMonth() + 1, 2), digits(date.getDate(), 2)].join("/");
}

/** Local time of the day in seconds: `14:03:07`. */
export function timeOfDay(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2))
    .join(":");
}

function dateOf(nanoseconds: bigint, offset: bigint): Date {
  return new Date(Number((nanoseconds + offset) / NS_PER_MS));
}

function digits(number: number, count: number): string {
  return `${number}`.padStart(count, "0");
}

/**
 * UTC as in RFC 3339, to the nanosecond: `2026-11-26T13:03:07.412345678Z`.
 *
 * @param nanoseconds of CLOCK_MONOTONIC
 * @param offset what CLOCK_REALTIME is ahead of that
 */
export function universalTime(nanoseconds: bigint, offset: bigint): string {
  const time = nanoseconds + offset;
  const seconds = new Date(Number(time / NS_PER_SECOND) * 1000).toISOString().slice(0, -5);
  return `${seconds}.${`${time % NS_PER_SECOND}`.padStart(9, "0")}Z`;
}
