/**
 * The time that BPF programs take, by the kernel's own statistics.
 *
 * @module
 */

import { readText } from "../sys/files.ts";
import { SystemError } from "../sys/libc.ts";
import { enableRunStatistics, runsOfProgram, type RunStatistics } from "./bpf_syscall.ts";

/** `1` where the administrator has switched the statistics on for good. */
const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";

/**
 * Has the kernel time the runs of BPF programs until this is disposed. What runs before and after is
 * not in {@linkcode sumOfRuns}, unless others have it timed.
 *
 * @throws {SystemError} where that takes CAP_SYS_ADMIN, and kernel.bpf_stats_enabled is not on anyway
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

/** Whether the administrator has them timed for good (`sysctl kernel.bpf_stats_enabled`). */
export function areProgramsTimed(): boolean {
  return readText(SWITCH)?.trim() === "1";
}

/**
 * The timed runs of some programs together.
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
