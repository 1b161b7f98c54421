/**
 * kprobe.multi and kretprobe.multi (Linux 5.18-6.13 and from 7.0, with CONFIG_FPROBE): a link for the
 * entries, another for the returns.
 *
 * @module
 */

import type { Btf } from "../../kernel/btf.ts";
import { Failure } from "../../sys/failure.ts";
import type { Attachment, AttachProgress, Backend, ObjectName } from "../backend.ts";
import type { Target } from "../target.ts";
import {
  BPF_F_KPROBE_MULTI_RETURN,
  BPF_TRACE_KPROBE_MULTI,
  type FileDescriptor,
  missedByLink,
  missedByProgram,
} from "../bpf_syscall.ts";
import type { BpfObject } from "../object.ts";
import { RECORD_FUNCTIONS } from "../record.ts";
import { linkFunctions, unlink } from "./multi_link.ts";
import { sessionTakesContext } from "./session.ts";

const ENTRY = "vrft_multi_entry";
const RETURN = "vrft_multi_return";

export const multi: Backend = {
  name: "multi",
  title: "kprobe.multi + kretprobe.multi",
  object: requireReturns,
  programs: [
    { name: ENTRY, attachType: BPF_TRACE_KPROBE_MULTI },
    { name: RETURN, attachType: BPF_TRACE_KPROBE_MULTI },
  ],
  placesPerFunction: 0,
  maxFunctions: RECORD_FUNCTIONS,

  // deno-lint-ignore require-await -- other backends have to wait
  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment> {
    const entry = object.programFd(ENTRY);
    const ret = object.programFd(RETURN);
    const all = [...targets.keys()];
    // The returns first: a call seen at its entry is then always seen at its return.
    const returns = linkFunctions(
      ret,
      BPF_TRACE_KPROBE_MULTI,
      BPF_F_KPROBE_MULTI_RETURN,
      targets,
      all,
    );
    let links: FileDescriptor[] = [...returns.links];
    try {
      progress.report(targets.length / 2);
      const entries = linkFunctions(entry, BPF_TRACE_KPROBE_MULTI, 0, targets, returns.linked);
      links = [...links, ...entries.links];
      progress.report(targets.length);
      return {
        refused: [...returns.refused, ...entries.refused],
        missed: () =>
          links.reduce((sum, link) => sum + missedByLink(link.number), 0) +
          missedByProgram(entry) + missedByProgram(ret),
        // The kernel keeps a link's probes as long as the link is there.
        removed: () => 0,
        [Symbol.dispose]: () => unlink(links),
      };
    } catch (error) {
      unlink(links);
      throw error;
    }
  },
};

/**
 * The program identifies the returning call by the stack pointer. Since Linux 6.14, fprobe is built on
 * fgraph rather than rethook, which did not set the stack pointer, or set its own, until 7.0 and late
 * releases of 6.18 and 6.19 (8bc11700e0d2). Those cannot be detected, 7.0 can.
 *
 * @throws {Failure} for kernels in between, which have sessions that do not need this, and for those without
 * fprobe, where the programs would be loaded in vain
 */
function requireReturns(kernel: Btf): ObjectName {
  if (!hasFprobe(kernel)) {
    throw new Failure(
      "attach",
      "the kernel has no fprobe (CONFIG_FPROBE), added in Linux 5.18",
    );
  }
  const onFgraph = kernel.memberOffset("fprobe", "rethook") === undefined;
  if (onFgraph && !sessionTakesContext(kernel)) {
    throw new Failure(
      "attach",
      "Linux 6.14-6.19 does not show which call returns: use --backend session",
    );
  }
  return "multi";
}

/** Whether the kernel has what these links are built on. */
export function hasFprobe(kernel: Btf): boolean {
  return kernel.structSize("fprobe") !== undefined;
}
