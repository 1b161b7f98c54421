/**
 * Functions that are never traced, although ftrace could.
 *
 * No kernel from 6.1 to 6.18 has one of them that takes a packet. The list is for modules and kernels
 * to come, because the harm would be out of all proportion: a hung machine for a row of output.
 *
 * @module
 */

import { matcher } from "./glob.ts";

/** Globs of function names, each with the reason. */
const DENIED: readonly { readonly globs: readonly string[]; readonly reason: string }[] = [
  {
    globs: ["rcu_*", "__rcu_*", "*preempt_count*", "migrate_enable", "migrate_disable"],
    reason: "denied: probes themselves go through it",
  },
  {
    globs: ["__bpf_prog_enter*", "__bpf_prog_exit*", "bpf_ringbuf_*", "bpf_probe_read*"],
    reason: "denied: BPF programs themselves go through it",
  },
  {
    globs: ["*cpu_idle*", "default_idle*", "do_idle"],
    reason: "denied: runs all the time without a packet",
  },
];

const rules = DENIED.map(({ globs, reason }) => ({ matches: matcher(globs), reason }));

/** Why the function must not be traced; `undefined` when it may. */
export function denial(name: string): string | undefined {
  return rules.find(({ matches }) => matches(name))?.reason;
}
