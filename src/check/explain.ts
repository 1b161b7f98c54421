/**
 * Explains a failed trace by the check that fails, too.
 *
 * @module
 */

import { type Failure, type FailureKind, failuresIn } from "../sys/failure.ts";
import { type CheckChoices, checkHost, type CheckName } from "./checks.ts";
import { KERNEL_OPTIONS } from "./kernel_options.ts";
import type { CheckResult } from "./outcome.ts";

/** The checks that can be the reason of a failure, in the order in which they are made. */
type Suspects = readonly CheckName[];

/** Of what the kernel refuses, everything can be the reason. */
const KERNEL: Suspects = [
  "kernel_release",
  "privileges",
  "lockdown",
  "locked_memory",
  "libraries",
  ...KERNEL_OPTIONS.map(({ name }) => name as CheckName),
  "kernel_btf",
  "vrouter_btf",
  "tracefs",
  "kernel_addresses",
];

/** By the kind of the failure; none where no check can find more than the failure itself says. */
export const SUSPECTS: Readonly<Record<FailureKind, Suspects>> = {
  glob: [],
  output: [],
  interfaces: [],
  functions: [],
  privileges: ["kernel_release"],
  network: [],
  vifs: ["privileges", "vrouter_module"],
  vrouter_absent: [],
  vrouter_changed: [],
  btf: ["kernel_btf", "vrouter_btf"],
  vrouter_btf: [],
  tracefs: ["privileges", "lockdown", "CONFIG_FUNCTION_TRACER", "CONFIG_DYNAMIC_FTRACE", "tracefs"],
  addresses: ["privileges", "CONFIG_KALLSYMS"],
  kcore: [],
  libraries: KERNEL,
  object: [],
  libbpf: KERNEL,
  btf_list: KERNEL,
  system_call: KERNEL,
  perf_event: KERNEL,
  attach: KERNEL,
  backend: KERNEL,
  memory: [],
  ring: [],
};

/**
 * The first failing check that can be the reason of a failure. Nothing is attached to find out.
 *
 * @param failure what the user has been told already
 * @param checks makes the checks; tests put their own host here
 * @returns `null` when no check explains it, or it found the very failure
 */
export async function explain(
  choices: CheckChoices,
  failure: Failure,
  checks: typeof checkHost = checkHost,
): Promise<CheckResult | null> {
  const suspects = SUSPECTS[failure.kind];
  if (suspects.length === 0) return null;
  const told = failuresIn(failure).map(({ message }) => message);
  try {
    for await (const result of checks(choices, null)) {
      if (result.status === "failed" && suspects.some((name) => name === result.check)) {
        // A check that meets the same failure finds its message.
        return told.includes(result.found) ? null : result;
      }
      if (result.check === suspects.at(-1)) break;
    }
  } catch {
    // The failure has been reported; a defect of the checks must not hide it.
  }
  return null;
}

/** The explanation in one line: `CONFIG_KPROBES: not set; use a kernel …`. */
export function explanation({ title, found, advice }: CheckResult): string {
  return `✖ ${title}: ${found}${advice === null ? "" : `; ${advice}`}`;
}
