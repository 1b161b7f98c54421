/**
 * What to do about a trace that the kernel refuses, where its own words do not tell.
 *
 * @module
 */

import { missingCapabilities } from "../sys/capabilities.ts";
import { Failure } from "../sys/failure.ts";
import { errorText, SystemError } from "../sys/libc.ts";

const EPERM = 1;
const ENOMEM = 12;
const ENOSYS = 38;

/** A line of /proc/self/status: SECCOMP_MODE_FILTER. */
const FILTERED = /^Seccomp:\s*2$/m;

/**
 * What libbpf before 1.4 says when BPF_BTF_GET_NEXT_ID fails with EPERM. It asks where the kernel lacks
 * a function that some program would call, as 6.1 does.
 */
const BTF_LIST_REFUSED = /^libbpf: failed to iterate BTF objects: -1$/m;

/**
 * What Debian's kernels answer with kernel.perf_event_paranoid at 3, their default: that of 5.10 also to
 * those with CAP_PERFMON.
 */
const EVENT_REFUSED = /Cannot open the kprobe event: Permission denied/;

/**
 * A failure to load the programs, with advice if there is any.
 *
 * @param bufferBytes size of the ring buffer, which is most of the memory asked for
 * @param status contents of /proc/self/status
 * @returns `error` itself where nothing more is known
 */
export function withAdvice(error: unknown, bufferBytes: number, status: string): unknown {
  if (!(error instanceof Failure || error instanceof SystemError)) return error;
  const kernels = error instanceof SystemError ? error : error.cause;
  if ((kernels as { errno?: unknown } | undefined)?.errno === ENOMEM) {
    return new Failure(
      `Cannot trace: the kernel has no memory for a ring buffer of ${
        bufferBytes / 1024
      } KiB; choose ` +
        "a smaller one with --buffer, or raise the memory limit (memory.max of the control group)",
      { cause: error },
    );
  }
  const advice = adviceFor(error, status);
  return advice === null
    ? error
    : new Failure(`${error.message}; ${advice}`, { cause: error, details: detailsOf(error) });
}

function adviceFor(error: Failure | SystemError, status: string): string | null {
  const refused = BTF_LIST_REFUSED.test(detailsOf(error)) || EVENT_REFUSED.test(error.message);
  if (refused && missingCapabilities(status, ["CAP_SYS_ADMIN"]).length > 0) {
    return "this kernel wants CAP_SYS_ADMIN besides: run vrft as root";
  }
  const forbidden = [EPERM, ENOSYS].some((errno) => error.message.includes(errorText(errno)));
  if (forbidden && FILTERED.test(status)) {
    return "system calls are filtered here (seccomp), as in containers: the filter has to allow bpf(2) " +
      "and perf_event_open(2)";
  }
  return null;
}

function detailsOf(error: Failure | SystemError): string {
  return error instanceof Failure ? error.details : "";
}
