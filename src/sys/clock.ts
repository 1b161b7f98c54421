/**
 * The kernel's clock.
 *
 * @module
 */

import { libc } from "./libc.ts";

const CLOCK_MONOTONIC = 1;

const time = new Uint8Array(16);
const view = new DataView(time.buffer);

/**
 * Nanoseconds of CLOCK_MONOTONIC, which BPF's `bpf_ktime_get_ns` reads, too. Rounded as the sum of two
 * words of a timestamp is, and so comparable with it.
 */
export function monotonicTime(): number {
  libc().clock_gettime(CLOCK_MONOTONIC, time);
  return Number(view.getBigInt64(0, true)) * 1e9 + Number(view.getBigInt64(8, true));
}
