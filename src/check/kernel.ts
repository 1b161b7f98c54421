/**
 * Checks of the machine and its kernel as such.
 *
 * @module
 */

import { failed, note, ok, type Outcome } from "./outcome.ts";

/** The first kernel with the BPF ring buffer, CAP_BPF and CAP_PERFMON. */
const OLDEST = [5, 8] as const;
/** The first that is tested. */
const OLDEST_TESTED = [5, 10] as const;
/** From here on, memory of BPF counts for its control group and not for RLIMIT_MEMLOCK. */
const NO_MEMLOCK = [5, 11] as const;

/**
 * Checks that the machine and the kernel's version are among those that can be traced.
 *
 * @param release as `uname -r` says it
 * @param architecture as Deno says it, `x86_64`
 */
export function checkRelease(release: string, architecture: string): Outcome {
  const found = `${release}, ${architecture}`;
  if (architecture !== "x86_64") {
    return failed(`${found}: probes read the registers of x86-64`, "run vrft on an x86-64 host");
  }
  const before = isBefore(release);
  if (before === null) return note(`${found}: not a version that vrft knows`);
  if (before(OLDEST)) {
    return failed(
      `${found}: before Linux 5.8 there is no BPF ring buffer`,
      "use Linux 5.8 or newer; tested is 5.10 and newer",
    );
  }
  if (before(OLDEST_TESTED)) return note(`${found}: tested is 5.10 and newer`);
  return ok(found);
}

/**
 * Checks what kernel lockdown forbids: reading kernel memory by BPF, kprobes and tracefs in its mode
 * `confidentiality`, none of them in `integrity` (`lockdown_reasons` in security/security.c).
 *
 * @param modes contents of /sys/kernel/security/lockdown, such as `none [integrity] confidentiality`;
 * `null` where that cannot be read
 */
export function checkLockdown(modes: string | null): Outcome {
  const mode = /\[(\w+)\]/.exec(modes ?? "")?.[1];
  switch (mode) {
    case undefined:
      return note("not known: securityfs is not mounted, or the kernel has no lockdown");
    case "confidentiality":
      return failed(
        "confidentiality: the kernel forbids kprobes, and BPF to read its memory",
        "boot with lockdown=integrity or lockdown=none; no running kernel goes back",
      );
    default:
      return ok(mode);
  }
}

/**
 * Checks the limit of locked memory, where BPF still counts against it.
 *
 * @param limits contents of /proc/self/limits
 * @param raisable whether this process has CAP_SYS_RESOURCE, with which libbpf raises it
 * @param privileged whether this process has what else a trace needs
 */
export function checkLockedMemory(
  release: string,
  limits: string,
  raisable: boolean,
  privileged: boolean,
): Outcome {
  const before = isBefore(release);
  if (before !== null && !before(NO_MEMLOCK)) {
    return note("not limited for BPF from Linux 5.11 on");
  }
  const [, soft, hard] = /^Max locked memory\s+(\w+)\s+(\w+)/m.exec(limits) ?? [];
  if (soft === undefined) return note("not known");
  if (soft === "unlimited") return ok(soft);
  if (raisable || hard === "unlimited") return ok(`${soft} bytes, which libbpf raises`);
  if (!privileged) return note(`${soft} bytes, which libbpf raises when run as root`);
  return failed(
    `${soft} bytes, and BPF needs more on this kernel`,
    "ulimit -l unlimited, or give vrft CAP_SYS_RESOURCE, with which it raises the limit",
  );
}

/** A test for versions that are later than `release`; `null` when it does not start with a version. */
function isBefore(release: string): ((version: readonly [number, number]) => boolean) | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return null;
  return ([otherMajor, otherMinor]) =>
    Number(major) < otherMajor || (Number(major) === otherMajor && Number(minor) < otherMinor);
}
