/**
 * The kernel's clock.
 *
 * @module
 */

import { readText } from "./files.ts";
import { libc } from "./libc.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const NS_PER_SECOND = 1_000_000_000n;
const OFFSETS = "/proc/self/timens_offsets";

const time = new Uint8Array(16);
const view = new DataView(time.buffer);

/**
 * A clock that gives nanoseconds of CLOCK_MONOTONIC as BPF's `bpf_ktime_get_ns` reads it: without the
 * offset of a time namespace. They are rounded as the sum of two words of a timestamp is, and so comparable
 * with it.
 */
export function monotonicClock(): () => number {
  const { seconds, nanoseconds } = namespaceOffset(readText(OFFSETS) ?? "");
  return () => {
    libc().clock_gettime(CLOCK_MONOTONIC, time);
    const whole = Number(view.getBigInt64(0, true)) - seconds;
    return whole * 1e9 + (Number(view.getBigInt64(8, true)) - nanoseconds);
  };
}

/**
 * What the process's time namespace adds to CLOCK_MONOTONIC.
 *
 * @param text contents of /proc/self/timens_offsets, which kernels before 5.6 do not have
 */
export function namespaceOffset(text: string): { seconds: number; nanoseconds: number } {
  const [, seconds = "0", nanoseconds = "0"] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  return { seconds: Number(seconds), nanoseconds: Number(nanoseconds) };
}

/**
 * What CLOCK_REALTIME is ahead of the clock of {@linkcode monotonicClock}, in nanoseconds. It changes when
 * the wall clock is set.
 */
export function wallClockOffset(): bigint {
  const { seconds, nanoseconds } = namespaceOffset(readText(OFFSETS) ?? "");
  const before = read(CLOCK_MONOTONIC);
  const wall = read(CLOCK_REALTIME);
  const after = read(CLOCK_MONOTONIC);
  return wall - (before + after) / 2n + BigInt(seconds) * NS_PER_SECOND + BigInt(nanoseconds);
}

function read(clock: number): bigint {
  libc().clock_gettime(clock, time);
  return view.getBigInt64(0, true) * NS_PER_SECOND + view.getBigInt64(8, true);
}
