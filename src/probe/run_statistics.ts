/**
 * Run time of BPF programs, from the kernel's statistics.
 *
 * @module
 */

import { readText } from "../sys/files.ts";
import { SystemError } from "../sys/libc.ts";
import { enableRunStatistics, runsOfProgram, type RunStatistics } from "./bpf_syscall.ts";

/** `1` if the administrator has turned on the statistics. */
const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";

/**
 * Makes the kernel time the runs of BPF programs until the result is disposed. Runs before and after are
 * not in {@linkcode sumOfRuns}, unless someone else has them timed.
 *
 * @throws {SystemError} without CAP_SYS_ADMIN, unless kernel.bpf_stats_enabled is on anyway
 */
export function timePrograms(): Disposable {
  try {
    return enableRunStatistics();
  } catch (error) {
    if (error instanceof SystemError && areProgramsTimed()) {
      return { [Symbol.dispose]: (): void => {} };
    }
    throw error;
  }
}

/** Whether the administrator has turned on timing (`sysctl kernel.bpf_stats_enabled`). */
export function areProgramsTimed(): boolean {
  return readText(SWITCH)?.trim() === "1";
}

/**
 * The sum of the timed runs of some programs.
 *
 * @param programs fds
 */
export function sumOfRuns(programs: readonly number[]): RunStatistics {
  let ms = 0;
  let runs = 0;
  for (const program of programs) {
    const each = runsOfProgram(program);
    ms += each.ms;
    runs += each.runs;
  }
  return { ms, runs };
}
