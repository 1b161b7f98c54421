/**
 * Checks of the privileges of this process.
 *
 * @module
 */

import { type Capability, missingCapabilities } from "../sys/capabilities.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/** The initial user namespace maps all users in one line (user_namespaces(7)). */
const ALL_USERS = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Checks the capabilities that a trace needs.
 *
 * @param status contents of /proc/self/status
 * @param userMap contents of /proc/self/uid_map; `null` on a kernel without user namespaces
 * @param wanted the capabilities needed
 */
export function checkPrivileges(
  status: string,
  userMap: string | null,
  wanted: readonly Capability[],
): Outcome {
  const user = `user ${/^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1] ?? "unknown"}`;
  const missing = missingCapabilities(status, wanted);
  if (missing.length > 0) {
    return failed(`${user}, without ${missing.join(", ")}`, "run vrft as root");
  }
  if (userMap !== null && !ALL_USERS.test(userMap)) {
    return failed(
      `${user} of a user namespace, whose capabilities do not count for BPF`,
      "run vrft as root of the host, or in a container without its own user namespace",
    );
  }
  return ok(`${user}, with ${wanted.join(", ")}`);
}

/**
 * Reports whether system calls are filtered, as in containers.
 *
 * @param status contents of /proc/self/status
 */
export function checkSeccomp(status: string): Outcome {
  const mode = /^Seccomp:\s*(\d+)/m.exec(status)?.[1];
  const privileges = /^NoNewPrivs:\s*1/m.test(status) ? "; no_new_privs is set" : "";
  if (mode === undefined) return note("unknown");
  if (mode === "0") return ok(`no filter${privileges}`);
  return note(`filtered: bpf() and perf_event_open() may be denied${privileges}`);
}
