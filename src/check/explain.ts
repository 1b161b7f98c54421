/**
 * Explains a failed trace by the check that fails, too.
 *
 * @module
 */

import { type CheckChoices, checkHost, type CheckName } from "./checks.ts";
import type { CheckResult } from "./outcome.ts";

/** Failures of one kind, and the checks that can be the reason. */
interface Subject {
  /** Their messages. */
  readonly messages: RegExp;
  readonly checks: RegExp;
  /** The last of these checks: no later one is made. */
  readonly last: CheckName;
}

/** What fits none is about what the user named, such as a file or an interface: nothing to explain. */
const SUBJECTS: readonly Subject[] = [
  {
    messages: /^Cannot list the vifs/,
    checks: /^(privileges|vrouter_module)$/,
    last: "vrouter_module",
  },
  {
    messages: /^Cannot (read|use|find) .*BTF/,
    checks: /^(CONFIG_DEBUG_INFO_BTF|kernel_btf|vrouter_btf)$/,
    last: "vrouter_btf",
  },
  {
    messages: /^Cannot trace: .*tracefs/,
    checks: /^(privileges|lockdown|CONFIG_(FUNCTION_TRACER|DYNAMIC_FTRACE)|tracefs)$/,
    last: "tracefs",
  },
  {
    messages: /^Cannot trace: .*kallsyms/,
    checks: /^(privileges|CONFIG_KALLSYMS|kernel_addresses)$/,
    last: "kernel_addresses",
  },
  {
    messages:
      /^Cannot (trace with|attach|load|seal|map|size|create a file in memory|(open|read) the BPF|(open|set|enable) .*kprobe event|write to the map)/,
    checks:
      /^(kernel_release|privileges|lockdown|locked_memory|libraries|CONFIG_.*|.*_btf|tracefs|kernel_addresses)$/,
    last: "kernel_addresses",
  },
];

/** Parts of a finding that are too short to say anything. */
const SHORT = 16;

/**
 * The first failing check that can be the reason of a failure. Nothing is attached to find out.
 *
 * @param message what the user has been told already
 * @param checks makes the checks; tests put their own host here
 * @returns `null` when no check explains it, or it would say what `message` says
 */
export async function explain(
  choices: CheckChoices,
  message: string,
  checks: typeof checkHost = checkHost,
): Promise<CheckResult | null> {
  const subject = SUBJECTS.find(({ messages }) => messages.test(message));
  if (subject === undefined) return null;
  try {
    for await (const result of checks(choices, null)) {
      if (result.status === "failed" && subject.checks.test(result.check)) {
        return saysTheSame(message, result) ? null : result;
      }
      if (result.check === subject.last) break;
    }
  } catch {
    // The failure has been reported; a defect of the checks must not hide it.
  }
  return null;
}

/** Whether any part of what the check found or advises stands in the message. */
function saysTheSame(message: string, { found, advice }: CheckResult): boolean {
  return [found, ...advice === null ? [] : [advice]]
    .flatMap((text) => text.split(/[:;,] /))
    .some((part) => part.length >= SHORT && message.includes(part));
}

/** The explanation in one line: `CONFIG_KPROBES: not set; use a kernel …`. */
export function explanation({ title, found, advice }: CheckResult): string {
  return `✖ ${title}: ${found}${advice === null ? "" : `; ${advice}`}`;
}
