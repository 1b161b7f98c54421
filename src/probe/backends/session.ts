/**
 * kprobe.session (Linux 6.10): one program and one link for both ends of every call. The entry decides
 * whether the return is probed, so rejected packets pay for the entry alone.
 *
 * @module
 */

import type { Attachment, AttachProgress, Backend, ObjectName } from "../backend.ts";
import type { Btf } from "../../kernel/btf.ts";
import { Failure } from "../../sys/failure.ts";
import type { Target } from "../target.ts";
import { BPF_TRACE_KPROBE_SESSION, missedByLink, missedByProgram } from "../bpf_syscall.ts";
import type { BpfObject } from "../object.ts";
import { MAX_FUNCTIONS, setCookies } from "../cookie_table.ts";
import { linkFunctions, unlink } from "./multi_link.ts";

const PROGRAM = "vrft_session";

export const session: Backend = {
  name: "session",
  title: "kprobe.session",
  object: chooseObject,
  // libbpf before 1.5 does not know the section name "kprobe.session", the kernel needs no more
  // than the attach type.
  programs: [{ name: PROGRAM, attachType: BPF_TRACE_KPROBE_SESSION }],
  placesPerFunction: 0,
  maxFunctions: MAX_FUNCTIONS,
  attachesAtOnce: true,

  // deno-lint-ignore require-await -- other backends have to wait
  async attach(
    object: BpfObject,
    targets: readonly Target[],
    progress: AttachProgress,
  ): Promise<Attachment> {
    const all = [...targets.keys()];
    const attachment = attachSession(object, object.control, targets, all);
    progress.report(targets.length);
    return attachment;
  },
};

/**
 * Attaches to the targets whose indexes are in `chosen`.
 *
 * @param object with the program
 * @param control of the maps that the program uses
 * @throws {SystemError} if nothing can be attached
 */
export function attachSession(
  object: BpfObject,
  control: ArrayBuffer,
  targets: readonly Target[],
  chosen: readonly number[],
): Attachment {
  const program = object.programFd(PROGRAM);
  setCookies(control, targets, chosen);
  const { links, refused } = linkFunctions(program, BPF_TRACE_KPROBE_SESSION, 0, targets, chosen);
  return {
    refused,
    missed: () =>
      links.reduce((sum, link) => sum + missedByLink(link.number), missedByProgram(program)),
    // The kernel keeps a link's probes as long as the link is there.
    removed: () => 0,
    [Symbol.dispose]: () => unlink(links),
  };
}

/** @throws {Failure} if the kernel does not support sessions */
function chooseObject(kernel: Btf): ObjectName {
  const takesContext = sessionTakesContext(kernel);
  if (takesContext === undefined) {
    throw new Failure(
      "attach",
      "the kernel has no bpf_session_cookie(), added in Linux 6.10",
    );
  }
  return takesContext ? "session" : "session_6.10";
}

/** Whether the kfuncs of a session take an argument, as since Linux 7.0; `undefined` without them. */
export function sessionTakesContext(kernel: Btf): boolean | undefined {
  const parameters = kernel.parameterCount("bpf_session_cookie");
  return parameters === undefined ? undefined : parameters > 0;
}
