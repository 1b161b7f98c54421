/**
 * The options that a kernel must have been built with.
 *
 * @module
 */

import type { KernelConfig } from "../kernel/kernel_config.ts";
import type { BackendName } from "../probe/backend.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/** Sign that a kernel was built with an option. */
export type Evidence =
  /** A function that is in the kernel only then. */
  | { readonly symbol: string }
  /** A file that it shows only then. */
  | { readonly file: string };

/** One option. */
export interface KernelOption {
  readonly name: string;
  readonly evidence: Evidence;
  /** What tracing does without it; `null` when it does not work. */
  readonly without: string | null;
  /** Backends that do not work without it, where others do. */
  readonly backends?: readonly BackendName[];
}

/** All of them. The functions are in Linux 5.8 to 6.18, those of an option that is younger since then. */
export const KERNEL_OPTIONS: readonly KernelOption[] = [
  { name: "CONFIG_BPF", evidence: { symbol: "bpf_prog_alloc" }, without: null },
  { name: "CONFIG_BPF_SYSCALL", evidence: { symbol: "bpf_map_new_fd" }, without: null },
  {
    name: "CONFIG_BPF_JIT",
    evidence: { file: "/proc/sys/net/core/bpf_jit_enable" },
    without: "probes are slow",
    // Its programs call kernel functions (kfuncs), which takes the compiler.
    backends: ["session"],
  },
  { name: "CONFIG_BPF_EVENTS", evidence: { symbol: "trace_call_bpf" }, without: null },
  { name: "CONFIG_KALLSYMS", evidence: { file: "/proc/kallsyms" }, without: null },
  { name: "CONFIG_KPROBES", evidence: { symbol: "register_kprobe" }, without: null },
  { name: "CONFIG_KPROBE_EVENTS", evidence: { symbol: "trace_kprobe_create" }, without: null },
  {
    name: "CONFIG_FUNCTION_TRACER",
    evidence: { symbol: "register_ftrace_function" },
    without: null,
  },
  { name: "CONFIG_DYNAMIC_FTRACE", evidence: { symbol: "ftrace_set_filter_ip" }, without: null },
  {
    name: "CONFIG_FPROBE", // Linux 5.18
    evidence: { symbol: "register_fprobe_ips" },
    without: "attaching takes long",
    backends: ["session", "multi"],
  },
  {
    name: "CONFIG_PROC_KCORE",
    evidence: { file: "/proc/kcore" },
    without: "the kprobe backend attaches and lets go slowly",
  },
  {
    name: "CONFIG_DEBUG_INFO_BTF",
    evidence: { file: "/sys/kernel/btf/vmlinux" },
    without: null,
  },
  {
    name: "CONFIG_DEBUG_INFO_BTF_MODULES", // Linux 5.11
    evidence: { symbol: "btf_module_notify" },
    without: "the BTF of vrouter comes from a file (--vrouter-btf)",
  },
];

/** What is known of the running kernel. */
export interface OptionFacts {
  /** `null` where no configuration can be read. */
  readonly config: KernelConfig | null;
  /** Whether the {@linkcode KernelOption.evidence} is there; `null` where that cannot be known. */
  readonly evident: boolean | null;
}

/** What the user has chosen, as far as options matter to it. */
export interface OptionNeeds {
  readonly backend: BackendName | "auto";
  readonly kernelBtf: string | null;
}

/**
 * Checks one option. What the kernel shows counts more than a file that says otherwise, which can be
 * another kernel's; what cannot be known is no failure.
 */
export function checkOption(
  option: KernelOption,
  { config, evident }: OptionFacts,
  needs: OptionNeeds,
): Outcome {
  const value = config?.options.get(option.name);
  if (value !== undefined) return ok(value);
  if (evident === true) {
    const shown = `the kernel has ${signOf(option)}`;
    return config === null ? ok(shown) : ok(`not set in that file, but ${shown}`);
  }
  const { without, advice } = lackOf(option, needs);
  if (config === null && evident === null) return note("not known");
  const found = config === null ? `no: the kernel has no ${signOf(option)}` : "not set";
  return without === null ? failed(found, advice) : note(`${found}: ${without}`);
}

/** What follows from a lack of the option; `without` is `null` when tracing does not work. */
function lackOf(
  { name, without, backends }: KernelOption,
  { backend, kernelBtf }: OptionNeeds,
): { without: string | null; advice: string } {
  if (backend !== "auto" && backends?.includes(backend)) {
    return {
      without: null,
      advice: `the backend ${backend} needs it: choose another one, or --backend auto`,
    };
  }
  if (name !== "CONFIG_DEBUG_INFO_BTF") {
    return { without, advice: `use a kernel that is built with ${name}=y` };
  }
  return {
    without: kernelBtf === null ? null : "the BTF comes from --kernel-btf",
    advice: `use a kernel that is built with ${name}=y, or name a file with --kernel-btf`,
  };
}

function signOf({ evidence }: KernelOption): string {
  return "symbol" in evidence ? `${evidence.symbol}()` : evidence.file;
}

/** Says where the configuration comes from. */
export function checkConfig(config: KernelConfig | null): Outcome {
  return config === null
    ? note("none under /proc, /boot and /lib/modules: what follows is what the kernel shows")
    : ok(config.path);
}
