/**
 * Explains a failed trace by a check that fails as well.
 *
 * @module
 */

import { type Failure, type FailureKind, failuresIn } from "../sys/failure.ts";
import { type CheckChoices, checkHost, type CheckName } from "./checks.ts";
import { KERNEL_OPTIONS } from "./kernel_options.ts";
import type { CheckResult } from "./outcome.ts";

/** The checks that can explain a failure, in the order they run. */
type Suspects = readonly CheckName[];

/** Any of these can explain why the kernel refuses something. */
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

/** By the kind of the failure; none if no check can add to what the failure says. */
export const SUSPECTS: Readonly<Record<FailureKind, Suspects>> = {
  glob: [],
  expression: [],
  usage: [],
  output: [],
  recording: [],
  interfaces: [],
  functions: [],
  privileges: ["kernel_release"],
  network: [],
  vifs: ["privileges", "vrouter_module"],
  nexthops: ["privileges", "vrouter_module"],
  drop_stats: ["privileges", "vrouter_module"],
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
 * The first failing check that can explain a failure. Attaches nothing.
 *
 * @param failure what has been reported already
 * @param checks runs the checks; tests pass a fake host
 * @returns `null` if no check explains it, or the check found the same failure
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
        // A check that runs into the same failure reports its message.
        return told.includes(result.found) ? null : result;
      }
      if (result.check === suspects.at(-1)) break;
    }
  } catch {
    // The failure has been reported; a bug in the checks must not hide it.
  }
  return null;
}

/** The explanation in one line: `CONFIG_KPROBES: not set; use a kernel …`. */
export function explanation({ title, found, advice }: CheckResult): string {
  return `✖ ${title}: ${found}${advice === null ? "" : `; ${advice}`}`;
}
