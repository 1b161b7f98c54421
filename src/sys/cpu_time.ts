/**
 * The CPU time of this process.
 *
 * @module
 */

import { check, libc } from "./libc.ts";

const CLOCK_PROCESS_CPUTIME_ID = 2;

/**
 * CPU time of all threads of this process, in user space and in the kernel.
 *
 * @returns milliseconds, with nanosecond resolution
 */
export function processCpuMs(): number {
  // struct timespec of x86-64: seconds and nanoseconds, 64 bits each
  const time = new BigInt64Array(2);
  const action = "Cannot read the CPU time of this process";
  check(action, libc().clock_gettime(CLOCK_PROCESS_CPUTIME_ID, time));
  return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
}
