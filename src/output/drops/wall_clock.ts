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
  const date = new Date(Number((nanoseconds + offset) / NS_PER_MS));
  const digits = (number: number, count: number): string => `${number}`.padStart(count, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    digits(part, 2)
  );
  return `${time.join(":")}.${digits(date.getMilliseconds(), 3)}`;
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
