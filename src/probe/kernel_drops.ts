/**
 * Probes for the kernel's own drops of the packets that are traced, beside those of a backend: the
 * tracepoint skb:kfree_skb with its reason (Linux 5.17, which all kernels have that session and multi work
 * on); for kprobe the function that drops, as its programs must not be interrupted by one of another kind.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import type { Attachment, Companion, Prober } from "./backend.ts";
import {
  attachTracing,
  type FileDescriptor,
  missedByProgram,
  openKprobe,
  runOnEvent,
} from "./bpf_syscall.ts";
import { usesKprobes } from "./decision_probes.ts";
import type { BpfObject } from "./object.ts";

const TRACEPOINT = "vrft_kfree_skb";
/** Functions and their programs, from the newest kernel's on. */
const DROPPING = [
  ["sk_skb_reason_drop", "vrft_sk_skb_reason_drop"],
  ["kfree_skb_reason", "vrft_kfree_skb_reason"],
  ["kfree_skb", "vrft_kfree_skb"],
] as const;

/**
 * Whether the tracepoint skb:kfree_skb gives the reason: Linux 5.17. The first parameter of its type is
 * that of the program.
 */
export function tracepointGivesReason(kernel: Btf): boolean {
  return (kernel.parameterCountOf("btf_trace_kfree_skb") ?? 0) > 3;
}

/**
 * Probes for the kernel's drops.
 *
 * @param kernel the kernel's own BTF
 */
export function kernelDropProbes(kernel: Btf): Companion {
  const dropping = DROPPING.find(([name]) => kernel.functionId(name) !== undefined) ??
    DROPPING.at(-1)!;
  const chosen = (beside: Prober): readonly [string | null, string] =>
    usesKprobes(beside) ? dropping : [null, TRACEPOINT];
  return {
    programs: (beside) => [{ name: chosen(beside)[1] }],
    // deno-lint-ignore require-await -- others have to wait
    async attach(object, beside): Promise<Attachment> {
      const [fn, program] = chosen(beside);
      const probe = attachDrops(object, fn, program);
      return {
        refused: [],
        missed: () => missedByProgram(object.programFd(program)),
        removed: () => 0,
        [Symbol.dispose]: () => probe[Symbol.dispose](),
      };
    },
  };
}

/** @param fn `null` for the tracepoint */
function attachDrops(object: BpfObject, fn: string | null, program: string): FileDescriptor {
  if (fn === null) return attachTracing(object.programFd(program));
  const probe = openKprobe(fn);
  try {
    runOnEvent(probe.number, object.programFd(program));
    return probe;
  } catch (error) {
    probe[Symbol.dispose]();
    throw error;
  }
}
