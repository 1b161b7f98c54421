import type { Btf } from "../../src/kernel/btf.ts";
import type { KernelSources } from "../../src/kernel/sources.ts";

/** Sources of a kernel without modules, and without what is not given. */
export function kernelSources(kernel: Btf, lists: Partial<KernelSources>): KernelSources {
  return {
    kernel,
    modules: [{ module: "vmlinux", btf: kernel }],
    kallsyms: null,
    filterFunctions: null,
    kernelBtf: "/sys/kernel/btf/vmlinux",
    vrouterBtf: null,
    warnings: [],
    vrouterBtfIgnored: null,
    leftOut: [],
    notes: [],
    ...lists,
  };
}
