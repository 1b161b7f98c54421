/**
 * Functions that are never traced, although ftrace could.
 *
 * In kernels from 6.1 to 6.18, none of them takes a packet. The list guards against modules and future
 * kernels, where tracing them could hang the machine.
 *
 * @module
 */

/** Names of functions, with the reason. */
const DENIED: readonly { readonly names: RegExp; readonly reason: string }[] = [
  {
    names: /^(__)?rcu_|preempt_count|^migrate_(en|dis)able$/,
    reason: "denied: called by the probes themselves",
  },
  {
    names: /^__bpf_prog_(enter|exit)|^bpf_(ringbuf_|probe_read)/,
    reason: "denied: called by BPF programs themselves",
  },
  {
    names: /cpu_idle|^default_idle|^do_idle$/,
    reason: "denied: runs all the time, without packets",
  },
];

/** Why the function must not be traced; `undefined` if it may. */
export function denial(name: string): string | undefined {
  return DENIED.find(({ names }) => names.test(name))?.reason;
}
