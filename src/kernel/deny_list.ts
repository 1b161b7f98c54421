/**
 * Functions that are never traced, although ftrace could.
 *
 * No kernel from 6.1 to 6.18 has one of them that takes a packet. The list is for modules and kernels
 * to come, because the harm would be out of all proportion: a hung machine for a row of output.
 *
 * @module
 */

/** Names of functions, each with the reason. */
const DENIED: readonly { readonly names: RegExp; readonly reason: string }[] = [
  {
    names: /^(__)?rcu_|preempt_count|^migrate_(en|dis)able$/,
    reason: "denied: probes themselves go through it",
  },
  {
    names: /^__bpf_prog_(enter|exit)|^bpf_(ringbuf_|probe_read)/,
    reason: "denied: BPF programs themselves go through it",
  },
  {
    names: /cpu_idle|^default_idle|^do_idle$/,
    reason: "denied: runs all the time without a packet",
  },
];

/** Why the function must not be traced; `undefined` when it may. */
export function denial(name: string): string | undefined {
  return DENIED.find(({ names }) => names.test(name))?.reason;
}
