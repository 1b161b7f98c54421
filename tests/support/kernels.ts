/**
 * BTF of kernels that differ in what the backends need.
 *
 * @module
 */

import { Btf } from "../../src/kernel/btf.ts";
import { BtfWriter } from "./btf_writer.ts";

/**
 * A kernel whose session kfuncs have the given number of parameters; `undefined` for no kfuncs.
 *
 * @param fprobe what fprobe is built on; `undefined` for no fprobe
 * @param trampolines whether it attaches trampolines to many functions
 */
export function kernelWithSession(
  parameters: 0 | 1 | undefined,
  fprobe?: "rethook" | "fgraph",
  trampolines = false,
): Btf {
  const writer = new BtfWriter();
  if (trampolines) writer.enum("bpf_attach_type", { BPF_TRACE_FSESSION_MULTI: 61 });
  const pointer = writer.pointer(0);
  if (fprobe !== undefined) {
    writer.struct("fprobe", 8, [[fprobe === "rethook" ? "rethook" : "hlist_array", pointer, 0]]);
  }
  if (parameters !== undefined) {
    const context = parameters === 0 ? [] : [["ctx", pointer] as const];
    writer.func("bpf_session_is_return", context);
    writer.func("bpf_session_cookie", context, pointer);
  }
  return Btf.parse(writer.bytes());
}
