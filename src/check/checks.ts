/**
 * All checks of this host, in the order of their dependencies: the result of one can make others
 * pointless.
 *
 * @module
 */

import { configPaths, readKernelConfig } from "../kernel/kernel_config.ts";
import { discover, type Discovery } from "../kernel/functions.ts";
import { whyNoModuleBtf } from "../kernel/module_btf.ts";
import { NO_PACKET_OFFSETS, packetOffsets } from "../kernel/packet_offsets.ts";
import { numberedModules, type SourceOptions } from "../kernel/sources.ts";
import { BACKENDS } from "../probe/backend_choice.ts";
import { AttachCancelled, type BackendName, type ObjectReader } from "../probe/backend.ts";
import { mayUseTrampolines } from "../probe/backends/trampoline.ts";
import { findNamespaces } from "../probe/initial_namespace.ts";
import { type Target, withAddress } from "../probe/target.ts";
import { Libbpf } from "../probe/libbpf.ts";
import { amount } from "../sys/amount.ts";
import { missingCapabilities, traceCapabilities } from "../sys/capabilities.ts";
import { Failure } from "../sys/failure.ts";
import { exists, readText } from "../sys/files.ts";
import { NetlinkClient, NetlinkError } from "../sys/netlink.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "../sys/netlink_socket.ts";
import { networkNamespaces } from "../sys/network.ts";
import { findDpdkVrouter } from "../vrouter/dpdk.ts";
import { lookUpFamily } from "../vrouter/genetlink.ts";
import { readVifs } from "../vrouter/interfaces.ts";
import { checkAttachTime, checkBackend, type Trials, tryBackends } from "./backends.ts";
import { checkKernelBtf, checkModuleBtf, checkNoVrouterBtf, checkVrouterBtf } from "./btf.ts";
import {
  checkAddresses,
  checkBlacklist,
  checkFtraceSwitch,
  checkKprobeSwitch,
  checkTracefs,
} from "./facilities.ts";
import {
  kernelBtfFacts,
  type LoadedSources,
  loadSources,
  readEvidence,
  tracefsMount,
  vrouterBtfFacts,
} from "./facts.ts";
import { checkLockdown, checkLockedMemory, checkRelease } from "./kernel.ts";
import { checkConfig, checkOption, KERNEL_OPTIONS } from "./kernel_options.ts";
import { type CheckResult, failed, note, ok, type Outcome } from "./outcome.ts";
import { checkPrivileges, checkSeccomp } from "./privileges.ts";
import { checkInterfaces, checkModule, checkNetlink } from "./vrouter.ts";

/** What the user has chosen; the fields of the same names on the command line. */
export interface CheckChoices extends SourceOptions {
  readonly backend: BackendName | "auto";
}

/** What the checks that attach something need. */
export interface CheckTools {
  /** Reads a BPF object. */
  readonly readObject: ObjectReader;
  /** True once the user interrupts. */
  readonly cancelled: () => boolean;
  /** Receives the reasons of decisions. */
  readonly debug: (message: string) => void;
}

/** Titles of the checks, except kernel options, which have their own names. */
const TITLES = {
  kernel_release: "Kernel release",
  privileges: "Privileges",
  seccomp: "System call filter",
  lockdown: "Kernel lockdown",
  locked_memory: "Locked memory",
  vrouter_module: "vrouter module",
  vrouter_netlink: "vrouter netlink",
  vrouter_interfaces: "vrouter interfaces",
  libraries: "Libraries",
  kernel_config: "Kernel configuration",
  kernel_btf: "Kernel BTF",
  vrouter_btf: "vrouter BTF",
  tracefs: "tracefs",
  kernel_addresses: "Function addresses",
  module_btf: "Module BTF",
  functions: "Functions to trace",
  kprobe_blacklist: "kprobe blacklist",
  backend_trampoline: "Backend trampoline",
  backend_session: "Backend session",
  backend_multi: "Backend multi",
  backend_kprobe: "Backend kprobe",
  kprobe_switch: "kprobes enabled",
  ftrace_switch: "ftrace enabled",
  attach_time: "Time to attach",
} as const;

/** Name of a check, for scripts: a key of the titles, or a kernel option. */
export type CheckName = keyof typeof TITLES | `CONFIG_${string}`;

/** A file of the kernel's debugging file system. */
const KPROBES = "/sys/kernel/debug/kprobes";

const NO_VROUTER = note("not needed with --no-vrouter");

/**
 * Runs the checks lazily, one after the other.
 *
 * @param tools `null` skips the checks that attach something, and those that depend on them
 * @throws {AttachCancelled} if the user interrupts; nothing is attached then
 */
export async function* checkHost(
  choices: CheckChoices,
  tools: CheckTools | null,
): AsyncGenerator<CheckResult, void, void> {
  let blamed = false;
  const result = (check: CheckName, outcome: Outcome): CheckResult => {
    if (outcome.status === "failed") blamed = true;
    if (tools?.cancelled()) throw new AttachCancelled();
    const title = check in TITLES ? TITLES[check as keyof typeof TITLES] : check;
    return { check, title, ...outcome };
  };

  const release = Deno.osRelease();
  yield result("kernel_release", checkRelease(release, Deno.build.arch));
  const status = readText("/proc/self/status") ?? "";
  const privileges = checkPrivileges(
    status,
    readText("/proc/self/uid_map"),
    traceCapabilities(choices.vrouter),
  );
  const privileged = privileges.status === "ok";
  yield result("privileges", privileges);
  yield result("seccomp", checkSeccomp(status));
  const lockdown = checkLockdown(readText("/sys/kernel/security/lockdown"));
  yield result("lockdown", lockdown);
  const raisable = missingCapabilities(status, ["CAP_SYS_RESOURCE"]).length === 0;
  const limits = readText("/proc/self/limits") ?? "";
  yield result("locked_memory", checkLockedMemory(release, limits, raisable, privileged));

  const loaded = exists("/sys/module/vrouter");
  for (const [check, outcome] of vrouterOutcomes(choices, loaded, privileged)) {
    yield result(check, outcome);
  }

  using libbpf = await openLibbpf();
  yield result("libraries", libbpf.outcome);

  const read = await loadSources(choices);
  const config = await readKernelConfig(configPaths(release));
  yield result("kernel_config", checkConfig(config));
  const evidence = readEvidence(KERNEL_OPTIONS.map(({ evidence }) => evidence), read.kallsyms);
  for (const [index, option] of KERNEL_OPTIONS.entries()) {
    const facts = { config, evident: evidence[index] ?? null };
    yield result(option.name as CheckName, checkOption(option, facts, choices));
  }

  yield result("kernel_btf", kernelBtfOutcome(choices, read));
  yield result("vrouter_btf", await vrouterBtfOutcome(choices, read, loaded));
  const tracefs = {
    mount: tracefsMount(readText("/proc/self/mounts") ?? ""),
    offered: /\ttracefs$/m.test(readText("/proc/filesystems") ?? ""),
    filterFunctions: read.filterFunctions,
    forbidden: !privileged
      ? "reading it needs root"
      : lockdown.status === "failed"
      ? "lockdown denies reading it"
      : null,
  };
  yield result("tracefs", checkTracefs(tracefs));
  const restriction = readText("/proc/sys/kernel/kptr_restrict");
  yield result("kernel_addresses", checkAddresses(read.kallsyms, restriction, privileged));

  const discovery = discoverIn(read, choices);
  yield result("module_btf", moduleBtfOutcome(read, discovery));
  yield result("functions", functionsOutcome(discovery));
  if (tools === null) return;
  const targets = targetsOf(discovery);
  yield result("kprobe_blacklist", checkBlacklist(readText(`${KPROBES}/blacklist`), targets));

  let trials: Trials | null = null;
  if (libbpf.library !== null && read.sources !== null && targets.length > 0 && privileged) {
    trials = await tryBackends(choices.backend, targets, {
      libbpf: libbpf.library,
      readObject: tools.readObject,
      kernel: read.sources.kernel,
      numbered: numberedModules(read.sources),
      options: {
        // One page, as nothing is recorded.
        ringBytes: 4096,
        interfaces: 1,
        ...packetOffsets(read.sources.modules) ?? NO_PACKET_OFFSETS,
        onlyNetns: 0,
        sightNetns: 0,
        recorded: targets.length,
        vrouterNetns: choices.vrouter ? networkNamespaces().initial ?? 0 : 0,
        kernelBtf: choices.kernelBtf,
      },
      cancelled: tools.cancelled,
      debug: tools.debug,
    });
  }
  const blame = blamed;
  for (const backend of BACKENDS) {
    const outcome = checkBackend(backend, trials, choices.backend, blame);
    yield result(`backend_${backend.name}`, outcome);
  }
  const chosen = trials?.chosen ?? null;
  const enabled = readText(`${KPROBES}/enabled`);
  const optimization = readText("/proc/sys/debug/kprobes-optimization");
  yield result("kprobe_switch", checkKprobeSwitch(enabled, optimization, chosen));
  const ftrace = readText("/proc/sys/kernel/ftrace_enabled");
  yield result("ftrace_switch", checkFtraceSwitch(ftrace, chosen));
  yield result("attach_time", checkAttachTime(trials, targets.length));
}

/** The module, its netlink family and its interfaces: each is checked only if the previous is there. */
function vrouterOutcomes(
  { vrouter, kernelBtf }: CheckChoices,
  loaded: boolean,
  privileged: boolean,
): [CheckName, Outcome][] {
  if (!vrouter) {
    return [
      ["vrouter_module", NO_VROUTER],
      ["vrouter_netlink", NO_VROUTER],
      ["vrouter_interfaces", NO_VROUTER],
    ];
  }
  const version = readText("/sys/module/vrouter/version");
  const module = checkModule(loaded, version, loaded ? null : findDpdkVrouter());
  if (!loaded) {
    const idle = note("needs the module");
    return [["vrouter_module", module], ["vrouter_netlink", idle], ["vrouter_interfaces", idle]];
  }
  const netlink = checkNetlink(netlinkFailure());
  return [
    ["vrouter_module", module],
    ["vrouter_netlink", netlink],
    ["vrouter_interfaces", interfacesOutcome(netlink, privileged, kernelBtf)],
  ];
}

/** Why vrouter's netlink family does not answer; `null` if it does. */
function netlinkFailure(): string | null {
  try {
    using socket = new NetlinkSocket(NETLINK_GENERIC);
    lookUpFamily(new NetlinkClient(socket), "vrouter");
    return null;
  } catch (error) {
    if (error instanceof NetlinkError || error instanceof Failure) return error.message;
    throw error;
  }
}

function interfacesOutcome(
  netlink: Outcome,
  privileged: boolean,
  kernelBtf: string | null,
): Outcome {
  if (netlink.status !== "ok") return note("needs the netlink family");
  try {
    const namespaces = networkNamespaces();
    const vifs = readVifs(namespaces);
    const { initial } = privileged ? findNamespaces(kernelBtf, () => {}) : namespaces;
    return checkInterfaces(vifs, initial !== null || !privileged);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!privileged) return note("listing them needs root");
    return failed(error.message, "see what the module says in the kernel log (dmesg)");
  }
}

/** libbpf, if it can be loaded, and the outcome of that check. */
async function openLibbpf(): Promise<{ library: Libbpf | null; outcome: Outcome } & Disposable> {
  try {
    const library = await Libbpf.open();
    return {
      library,
      outcome: ok(`libbpf ${library.version()} is loaded`),
      [Symbol.dispose]: (): void => library[Symbol.dispose](),
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return {
      library: null,
      outcome: failed(error.message, "reinstall vrft: this copy does not fit this host"),
      [Symbol.dispose]: (): void => {},
    };
  }
}

function kernelBtfOutcome({ kernelBtf }: CheckChoices, read: LoadedSources): Outcome {
  if (read.sources === null) {
    return failed(
      read.kernelFailure ?? "",
      kernelBtf === null
        ? "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or pass a file to --kernel-btf"
        : "pass the BTF of the running kernel to --kernel-btf, or omit the option",
    );
  }
  return checkKernelBtf(kernelBtfFacts(read.sources, kernelBtf !== null));
}

async function vrouterBtfOutcome(
  { vrouter }: CheckChoices,
  { sources, vrouterFailure }: LoadedSources,
  loaded: boolean,
): Promise<Outcome> {
  if (!vrouter) return NO_VROUTER;
  if (sources === null) return note("needs the kernel's BTF");
  if (vrouterFailure !== null) {
    return failed(
      vrouterFailure,
      "pass vrouter's BTF, made by pahole -J vrouter.ko, to --vrouter-btf",
    );
  }
  const facts = await vrouterBtfFacts(sources, loaded);
  if (facts !== null) return checkVrouterBtf(facts);
  if (!loaded) return note("needs the module");
  return checkNoVrouterBtf(whyNoModuleBtf(sources), sources.vrouterBtfIgnored);
}

/** What can be traced; the reason, as text, if discovery failed; `null` without BTF. */
function discoverIn(
  { sources }: LoadedSources,
  { backend }: CheckChoices,
): Discovery | string | null {
  if (sources === null) return null;
  try {
    const trampolines = mayUseTrampolines(backend, sources.kernel);
    return discover({ ...sources, functions: [], excludes: [], trampolines });
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

function moduleBtfOutcome(
  { sources }: LoadedSources,
  discovery: Discovery | string | null,
): Outcome {
  if (sources === null) return note("needs the kernel's BTF");
  const leftOut = typeof discovery === "string" ? sources.leftOut : discovery?.leftOut ?? [];
  return checkModuleBtf(sources.modules.length - 1, leftOut);
}

function functionsOutcome(discovery: Discovery | string | null): Outcome {
  if (discovery === null) return note("needs the kernel's BTF");
  const see = "see vrft functions --skipped";
  if (typeof discovery === "string") return failed(discovery, "rebuild the BTF");
  const { functions, skipped, traceabilityKnown } = discovery;
  if (functions.length === 0) {
    return failed("none of the functions that take a packet can be traced", see);
  }
  if (!traceabilityKnown) {
    return note(
      `${amount(functions.length)} take a packet; which of them can be traced is unknown`,
    );
  }
  const own = functions.filter(({ module }) => module === "vrouter").length;
  const vrouter = own === 0 ? "" : `, ${amount(own)} of them vrouter's`;
  return ok(`${amount(functions.length)}${vrouter}; ${amount(skipped.length)} cannot be traced`);
}

function targetsOf(discovery: Discovery | string | null): readonly Target[] {
  if (discovery === null || typeof discovery === "string") return [];
  return withAddress(discovery.functions);
}
