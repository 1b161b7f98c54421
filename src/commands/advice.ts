/**
 * Advice for a trace that the kernel refuses, if the kernel's own message does not help.
 *
 * @module
 */

import { missingCapabilities } from "../sys/capabilities.ts";
import { Failure, failuresIn } from "../sys/failure.ts";

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const ENOSYS = 38;

/** A line of /proc/self/status: SECCOMP_MODE_FILTER. */
const FILTERED = /^Seccomp:\s*2$/m;

/**
 * Adds advice to a failure to load the programs, if there is any.
 *
 * @param bufferBytes size of the ring buffers, which are most of the memory needed
 * @param status contents of /proc/self/status
 * @returns `error` itself if there is no advice
 */
export function withAdvice(error: unknown, bufferBytes: number, status: string): unknown {
  if (!(error instanceof Failure)) return error;
  const failures = failuresIn(error);
  if (failures.some(({ errno }) => errno === ENOMEM)) {
    return new Failure(
      "memory",
      `Cannot trace: the kernel has no memory for ring buffers of ${bufferBytes / 1024} KiB; ` +
        "use smaller ones (--buffer), or raise the memory limit (memory.max of the " +
        "cgroup)",
      { cause: error },
    );
  }
  const advice = adviceFor(failures, status);
  if (advice === null) return error;
  const { kind, message, details } = error;
  return new Failure(kind, `${message}; ${advice}`, { cause: error, details });
}

function adviceFor(failures: readonly Failure[], status: string): string | null {
  if (
    failures.some(wantsSysAdmin) && missingCapabilities(status, ["CAP_SYS_ADMIN"]).length > 0
  ) {
    return "this kernel also requires CAP_SYS_ADMIN: run vrft as root";
  }
  if (failures.some(({ errno }) => errno === EPERM || errno === ENOSYS) && FILTERED.test(status)) {
    return "system calls are filtered (seccomp), as in containers: allow bpf(2) and " +
      "perf_event_open(2)";
  }
  return null;
}

/** Whether some kernels need CAP_SYS_ADMIN for what failed. */
function wantsSysAdmin({ kind, errno }: Failure): boolean {
  switch (kind) {
    case "btf_list":
      return true;
    case "perf_event":
      // Debian's kernels with kernel.perf_event_paranoid at 3, their default; 5.10 refuses even with
      // CAP_PERFMON.
      return errno === EACCES;
    default:
      return false;
  }
}
