/**
 * Times and counts of the page in words.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import type { PageData } from "../output/html/page_data.ts";

const NS_PER_MS = 1e6;

/** Time of the day in UTC, `13:03:07.412345`, or seconds since the start if that is not known. */
export function clockText({ start }: PageData, nanoseconds: number): string {
  if (start === null) return `${(nanoseconds / 1e9).toFixed(6)} s`;
  const ms = start + nanoseconds / NS_PER_MS;
  const micros = `${Math.floor((ms - Math.floor(ms)) * 1000)}`.padStart(3, "0");
  return new Date(Math.floor(ms)).toISOString().slice(11, 23) + micros;
}

/** `2026-11-26 13:03:07 UTC`. */
export function dateText(start: number): string {
  return `${new Date(start).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `1 packet`, `3,612 packets`. */
export function counted(count: number, noun: string): string {
  return `${amount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `0.25 s`: since the start, of a trace of this length. */
export function sinceText(nanoseconds: number, length: number): string {
  const digits = length < 1e6 ? 7 : length < 1e8 ? 5 : length < 1e10 ? 3 : 1;
  return `${(nanoseconds / 1e9).toFixed(digits)} s`;
}

/** `12.5 %`. */
export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
