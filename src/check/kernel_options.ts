/**
 * The configuration options that tracing needs.
 *
 * @module
 */

import { MODULE_BTF_SYMBOL } from "../kernel/module_btf.ts";
import type { KernelConfig } from "../kernel/kernel_config.ts";
import type { BackendName } from "../probe/backend.ts";
import { failed, note, ok, type Outcome } from "./outcome.ts";

/** Evidence that a kernel was built with an option. */
export type Evidence =
  /** A function that exists only then. */
  | { readonly symbol: string }
  /** A file that exists only then. */
  | { readonly file: string };

/** One option. */
export interface KernelOption {
  readonly name: string;
  readonly evidence: Evidence;
  /** How tracing does without it; `null` if it does not work. */
  readonly without: string | null;
  /** Backends that do not work without it, though others do. */
  readonly backends?: readonly BackendName[];
}

/** All of them. The functions exist in Linux 5.8 to 6.18, or since the option was introduced. */
export const KERNEL_OPTIONS: readonly KernelOption[] = [
  { name: "CONFIG_BPF", evidence: { symbol: "bpf_prog_alloc" }, without: null },
  { name: "CONFIG_BPF_SYSCALL", evidence: { symbol: "bpf_map_new_fd" }, without: null },
  {
    name: "CONFIG_BPF_JIT",
    evidence: { file: "/proc/sys/net/core/bpf_jit_enable" },
    without: "probes are slow",
    // Its programs call kfuncs, which only the JIT supports.
    backends: ["trampoline", "session"],
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
    without: "attaching is slow",
    backends: ["session", "multi"],
  },
  {
    name: "CONFIG_PROC_KCORE",
    evidence: { file: "/proc/kcore" },
    without: "backend kprobe is slow to attach and detach",
  },
  {
    name: "CONFIG_DEBUG_INFO_BTF",
    evidence: { file: "/sys/kernel/btf/vmlinux" },
    without: null,
  },
  {
    name: "CONFIG_DEBUG_INFO_BTF_MODULES", // Linux 5.11
    evidence: { symbol: MODULE_BTF_SYMBOL },
    without: "BTF of vrouter must come from a file (--vrouter-btf)",
  },
];

/** Facts about the running kernel. */
export interface OptionFacts {
  /** `null` if no configuration can be read. */
  readonly config: KernelConfig | null;
  /** Whether the {@linkcode KernelOption.evidence} exists; `null` if that cannot be known. */
  readonly evident: boolean | null;
}

/** The user's choices that options matter to. */
export interface OptionNeeds {
  readonly backend: BackendName | "auto";
  readonly kernelBtf: string | null;
}

/**
 * Checks one option. Evidence from the kernel wins over a configuration file, which may belong to
 * another kernel. An unknown option is not a failure.
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
    return config === null ? ok(shown) : ok(`not set in the configuration, but ${shown}`);
  }
  const { without, advice } = lackOf(option, needs);
  if (config === null && evident === null) return note("unknown");
  const found = config === null ? `no: the kernel has no ${signOf(option)}` : "not set";
  return without === null ? failed(found, advice) : note(`${found}: ${without}`);
}

/** Consequences of a missing option; `without` is `null` if tracing does not work. */
function lackOf(
  { name, without, backends }: KernelOption,
  { backend, kernelBtf }: OptionNeeds,
): { without: string | null; advice: string } {
  if (backend !== "auto" && backends?.includes(backend)) {
    return {
      without: null,
      advice: `backend ${backend} needs it: select another one, or --backend auto`,
    };
  }
  if (name !== "CONFIG_DEBUG_INFO_BTF") {
    return { without, advice: `use a kernel built with ${name}=y` };
  }
  return {
    without: kernelBtf === null ? null : "BTF comes from --kernel-btf",
    advice: `use a kernel built with ${name}=y, or pass a file to --kernel-btf`,
  };
}

function signOf({ evidence }: KernelOption): string {
  return "symbol" in evidence ? `${evidence.symbol}()` : evidence.file;
}

/** Reports where the configuration comes from. */
export function checkConfig(config: KernelConfig | null): Outcome {
  return config === null
    ? note("none in /proc, /boot or /lib/modules: options are inferred from the kernel")
    : ok(config.path);
}
