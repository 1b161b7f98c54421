/**
 * Checks of the machine and its kernel.
 *
 * @module
 */

import { failed, note, ok, type Outcome } from "./outcome.ts";

/** The first kernel with the BPF ring buffer, CAP_BPF and CAP_PERFMON. */
const OLDEST = [5, 8] as const;
/** The first that is tested. */
const OLDEST_TESTED = [5, 10] as const;
/** Since then, BPF memory is charged to the cgroup rather than to RLIMIT_MEMLOCK. */
const NO_MEMLOCK = [5, 11] as const;

/**
 * Checks that the architecture and the kernel version can be traced.
 *
 * @param release as printed by `uname -r`
 * @param architecture as named by Deno: `x86_64`
 */
export function checkRelease(release: string, architecture: string): Outcome {
  const found = `${release}, ${architecture}`;
  if (architecture !== "x86_64") {
    return failed(`${found}: probes read the registers of x86-64`, "run vrft on an x86-64 host");
  }
  const before = isBefore(release);
  if (before === null) return note(`${found}: unknown version`);
  if (before(OLDEST)) {
    return failed(
      `${found}: Linux before 5.8 has no BPF ring buffer`,
      "use Linux 5.8 or newer; tested with 5.10 and newer",
    );
  }
  if (before(OLDEST_TESTED)) return note(`${found}: tested with 5.10 and newer`);
  return ok(found);
}

/**
 * Checks kernel lockdown: mode `confidentiality` denies kprobes, tracefs and memory reads by BPF,
 * `integrity` none of them (`lockdown_reasons` in security/security.c).
 *
 * @param modes contents of /sys/kernel/security/lockdown, such as `none [integrity] confidentiality`;
 * `null` if unreadable
 */
export function checkLockdown(modes: string | null): Outcome {
  const mode = /\[(\w+)\]/.exec(modes ?? "")?.[1];
  switch (mode) {
    case undefined:
      return note("unknown: securityfs is not mounted, or the kernel has no lockdown");
    case "confidentiality":
      return failed(
        "confidentiality: the kernel denies kprobes, and memory reads by BPF",
        "reboot with lockdown=integrity or lockdown=none; it cannot be lowered at run time",
      );
    default:
      return ok(mode);
  }
}

/**
 * Checks the limit of locked memory, on kernels where it applies to BPF.
 *
 * @param limits contents of /proc/self/limits
 * @param raisable whether this process has CAP_SYS_RESOURCE, so that libbpf can raise it
 * @param privileged whether this process has the other privileges a trace needs
 */
export function checkLockedMemory(
  release: string,
  limits: string,
  raisable: boolean,
  privileged: boolean,
): Outcome {
  const before = isBefore(release);
  if (before !== null && !before(NO_MEMLOCK)) {
    return note("does not limit BPF since Linux 5.11");
  }
  const [, soft, hard] = /^Max locked memory\s+(\w+)\s+(\w+)/m.exec(limits) ?? [];
  if (soft === undefined) return note("unknown");
  if (soft === "unlimited") return ok(soft);
  if (raisable || hard === "unlimited") return ok(`${soft} bytes, which libbpf raises`);
  if (!privileged) return note(`${soft} bytes, which libbpf raises if run as root`);
  return failed(
    `${soft} bytes: BPF needs more on this kernel`,
    "run ulimit -l unlimited, or give vrft CAP_SYS_RESOURCE so that it can raise the limit",
  );
}

/** A test for versions later than `release`; `null` if it does not start with a version. */
function isBefore(release: string): ((version: readonly [number, number]) => boolean) | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return null;
  return ([otherMajor, otherMinor]) =>
    Number(major) < otherMajor || (Number(major) === otherMajor && Number(minor) < otherMinor);
}
