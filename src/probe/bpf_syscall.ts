/**
 * bpf(2) and perf_event_open(2) where libbpf's calls are too new or too old: links with a session attach
 * type, and the kernel's information on links and programs.
 *
 * Layouts are those of `union bpf_attr`, `struct bpf_link_info` and `struct bpf_prog_info` in
 * include/uapi/linux/bpf.h, and `struct perf_event_attr` in include/uapi/linux/perf_event.h.
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import { readText } from "../sys/files.ts";
import { addressOf, check, cString, libc, SystemError } from "../sys/libc.ts";

const SYS_PERF_EVENT_OPEN = 298n; // x86-64
const SYS_BPF = 321n; // x86-64

const BPF_PROG_LOAD = 5n;
const BPF_OBJ_PIN = 6n;
const BPF_PROG_TEST_RUN = 10n;
const BPF_PROG_GET_FD_BY_ID = 13n;
const BPF_OBJ_GET_INFO_BY_FD = 15n;
const BPF_RAW_TRACEPOINT_OPEN = 17n;
const BPF_BTF_GET_FD_BY_ID = 19n;
const BPF_BTF_GET_NEXT_ID = 23n;
const BPF_LINK_CREATE = 28n;
const BPF_ENABLE_STATS = 32n;

const ENOENT = 2;

/** `enum bpf_stats_type`: run time and number of runs. */
const BPF_STATS_RUN_TIME = 0;

/** `enum bpf_attach_type`: kprobe.multi, Linux 5.18. */
export const BPF_TRACE_KPROBE_MULTI = 42;
/** `enum bpf_attach_type`: kprobe.session, Linux 6.10. */
export const BPF_TRACE_KPROBE_SESSION = 56;
/** Flag of a kprobe.multi link: probe the returns. */
export const BPF_F_KPROBE_MULTI_RETURN = 1;

/** A file descriptor that is closed at the end of its `using` block. */
export class FileDescriptor implements Disposable {
  #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  /** @throws {ReferenceError} after dispose */
  get number(): number {
    if (this.#number < 0) throw disposedError("The file descriptor");
    return this.#number;
  }

  [Symbol.dispose](): void {
    if (this.#number < 0) return;
    libc().close(this.#number);
    this.#number = -1;
  }
}

function bpf(action: string, command: bigint, attributes: Uint8Array<ArrayBuffer>): number {
  const result = libc().syscall(
    SYS_BPF,
    command,
    addressOf(attributes),
    BigInt(attributes.byteLength),
    0n,
    0n,
    0n,
  );
  return check(action, result);
}

/** Functions for a kprobe.multi link, and their cookies in the same order. */
export interface MultiTargets {
  readonly addresses: BigUint64Array<ArrayBuffer>;
  readonly cookies: BigUint64Array<ArrayBuffer>;
}

/**
 * Attaches a program to many functions at once, by address.
 *
 * @param program fd of a program loaded with `attachType`
 * @param attachType {@linkcode BPF_TRACE_KPROBE_MULTI} or {@linkcode BPF_TRACE_KPROBE_SESSION}
 * @param flags 0 or {@linkcode BPF_F_KPROBE_MULTI_RETURN}
 * @returns fd of the link: closing it detaches
 * @throws {SystemError} EINVAL if one of the addresses cannot be traced, or the kernel does not know the
 * attach type; nothing is attached then
 */
export function createMultiLink(
  program: number,
  attachType: number,
  flags: number,
  targets: MultiTargets,
): FileDescriptor {
  const attributes = new Uint8Array(64);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, program, true);
  view.setUint32(8, attachType, true);
  view.setUint32(16, flags, true);
  view.setUint32(20, targets.addresses.length, true);
  view.setBigUint64(32, addressOf(targets.addresses), true);
  view.setBigUint64(40, addressOf(targets.cookies), true);
  const what = `Cannot attach to ${targets.addresses.length} functions`;
  return new FileDescriptor(bpf(what, BPF_LINK_CREATE, attributes));
}

/** `enum bpf_attach_type`: both ends of many functions by trampolines, Linux 7.2. */
export const BPF_TRACE_FSESSION_MULTI = 61;

/** Functions for a link of trampolines, by their numbers in one BTF, and their cookies in that order. */
export interface NumberedTargets {
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly cookies: BigUint64Array<ArrayBuffer>;
}

/**
 * Attaches a program to many functions of one BTF at once.
 *
 * @param program fd of a program loaded for that BTF with {@linkcode BPF_TRACE_FSESSION_MULTI}
 * @returns fd of the link: closing it detaches
 * @throws {SystemError} EINVAL or ENOENT if one of the functions cannot be traced; nothing is attached
 * then
 */
export function createTrampolineLink(
  program: number,
  { ids, cookies }: NumberedTargets,
): FileDescriptor {
  const attributes = new Uint8Array(64);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, program, true);
  view.setUint32(8, BPF_TRACE_FSESSION_MULTI, true);
  view.setBigUint64(16, addressOf(ids), true);
  view.setBigUint64(24, addressOf(cookies), true);
  view.setUint32(32, ids.length, true);
  return new FileDescriptor(
    bpf(`Cannot attach to ${ids.length} functions`, BPF_LINK_CREATE, attributes),
  );
}

/**
 * Makes a file of a BPF object in a BPF file system, which keeps it.
 *
 * @throws {SystemError} EINVAL if it is none
 */
export function pinObject(fd: number, path: string): void {
  const name = cString(path);
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setBigUint64(0, addressOf(name), true);
  view.setUint32(8, fd, true);
  bpf("Cannot pin a BPF object", BPF_OBJ_PIN, attributes);
}

function objectInfo(fd: number, bytes: number): DataView {
  const info = new Uint8Array(bytes);
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, fd, true);
  view.setUint32(4, bytes, true);
  view.setBigUint64(8, addressOf(info), true);
  bpf("Cannot read the BPF object's information", BPF_OBJ_GET_INFO_BY_FD, attributes);
  return new DataView(info.buffer);
}

/** The kernel's number of a program, which it has as long as anything refers to it. */
export function programId(program: number): number {
  return objectInfo(program, 232).getUint32(4, true);
}

/** Whether the kernel still has a program; `false` if it does not tell. */
export function hasProgram(id: number): boolean {
  const attributes = new Uint8Array(16);
  new DataView(attributes.buffer).setUint32(0, id, true);
  try {
    new FileDescriptor(bpf("Cannot open a program", BPF_PROG_GET_FD_BY_ID, attributes))
      [Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

/** Missed hits of a kprobe.multi link; 0 before Linux 6.7, which does not count them. */
export function missedByLink(link: number): number {
  return Number(objectInfo(link, 64).getBigUint64(32, true));
}

/**
 * Skipped runs of a program, because a BPF program was already active on the CPU. Complete since Linux
 * 6.7; 0 before 5.12.
 */
export function missedByProgram(program: number): number {
  return Number(objectInfo(program, 232).getBigUint64(208, true));
}

/** Time and number of a program's counted runs since it was loaded. */
export interface RunStatistics {
  /** Milliseconds, on all CPUs together. */
  readonly ms: number;
  readonly runs: number;
}

/** The kernel's counts of a program's runs; zero without {@linkcode enableRunStatistics}. */
export function runsOfProgram(program: number): RunStatistics {
  const info = objectInfo(program, 232);
  return {
    ms: Number(info.getBigUint64(192, true)) / 1e6,
    runs: Number(info.getBigUint64(200, true)),
  };
}

/**
 * Makes the kernel time and count the runs of all BPF programs on the machine, by reading the clock before
 * and after each, while the fd is open: Linux 5.8. Does not interfere with other such fds or the sysctl
 * kernel.bpf_stats_enabled.
 *
 * @throws {SystemError} EPERM without CAP_SYS_ADMIN
 */
export function enableRunStatistics(): FileDescriptor {
  const attributes = new Uint8Array(16);
  new DataView(attributes.buffer).setUint32(0, BPF_STATS_RUN_TIME, true);
  const what = "Cannot turn on the kernel's BPF statistics";
  return new FileDescriptor(bpf(what, BPF_ENABLE_STATS, attributes));
}

/** `enum bpf_prog_type`: a raw tracepoint, which can be run without one since Linux 5.10. */
const BPF_PROG_TYPE_RAW_TRACEPOINT = 17;

/** `struct bpf_insn`: opcode, registers (source in the high bits), offset and immediate. */
type Instruction = readonly [code: number, registers: number, offset: number, immediate: bigint];

/** @throws {SystemError} if the kernel refuses it */
function loadRawTracepoint(purpose: string, instructions: readonly Instruction[]): FileDescriptor {
  const bytes = new Uint8Array(8 * instructions.length);
  const code = new DataView(bytes.buffer);
  for (const [index, [opcode, registers, offset, immediate]] of instructions.entries()) {
    code.setUint8(8 * index, opcode);
    code.setUint8(8 * index + 1, registers);
    code.setInt16(8 * index + 2, offset, true);
    code.setInt32(8 * index + 4, Number(BigInt.asIntN(32, immediate)), true);
  }
  const license = cString("GPL");
  const attributes = new Uint8Array(48);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, BPF_PROG_TYPE_RAW_TRACEPOINT, true);
  view.setUint32(4, instructions.length, true);
  view.setBigUint64(8, addressOf(bytes), true);
  view.setBigUint64(16, addressOf(license), true);
  return new FileDescriptor(bpf(`Cannot load a program to ${purpose}`, BPF_PROG_LOAD, attributes));
}

/**
 * Reads 32 bits of kernel memory with a program that runs once: Linux 5.10.
 *
 * @returns the value; also 0 if it cannot be read
 * @throws {SystemError} without the right to load such a program, or under lockdown
 */
export function readKernelWord(address: bigint): number {
  const word = 0xffffffffn;
  const probeReadKernel = 113n;
  using program = loadRawTracepoint("read kernel memory", [
    [0xbf, 0xa1, 0, 0n], // r1 = r10
    [0x07, 0x01, 0, -8n], // r1 += -8
    [0xb7, 0x02, 0, 4n], // r2 = 4
    [0x18, 0x03, 0, address & word], // r3 = address
    [0x00, 0x00, 0, address >> 32n],
    [0x85, 0x00, 0, probeReadKernel], // zeroes what it cannot read
    [0x61, 0xa0, -8, 0n], // r0 = *(u32 *)(r10 - 8)
    [0x95, 0x00, 0, 0n], // exit
  ]);
  // The struct of this command in union bpf_attr, up to its member cpu.
  const run = new Uint8Array(72);
  const runView = new DataView(run.buffer);
  runView.setUint32(0, program.number, true);
  bpf("Cannot run a program to read kernel memory", BPF_PROG_TEST_RUN, run);
  return runView.getUint32(4, true);
}

/**
 * Whether programs can name a variable of the kernel: Linux 5.10 with CONFIG_KALLSYMS_ALL.
 *
 * @param id of the variable in the kernel's own BTF
 */
export function knowsVariable(id: number): boolean {
  try {
    loadRawTracepoint("look for a variable", [
      [0x18, 0x31, 0, BigInt(id)], // r1 = its address, by BPF_PSEUDO_BTF_ID
      [0x00, 0x00, 0, 0n],
      [0xb7, 0x00, 0, 0n], // r0 = 0
      [0x95, 0x00, 0, 0n], // exit
    ])[Symbol.dispose]();
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return false;
  }
}

/**
 * Runs a program where it has been loaded for, a function or a tracepoint, until the fd is closed: Linux
 * 5.5.
 *
 * @param program of type {@linkcode BPF_PROG_TYPE_TRACING}
 */
export function attachTracing(program: number): FileDescriptor {
  const attributes = new Uint8Array(16);
  new DataView(attributes.buffer).setUint32(8, program, true);
  const what = "Cannot attach the program";
  return new FileDescriptor(bpf(what, BPF_RAW_TRACEPOINT_OPEN, attributes));
}

/** `enum bpf_prog_type`: fentry and fexit among others. */
export const BPF_PROG_TYPE_TRACING = 26;
/** `enum bpf_attach_type`: at the start of a function, Linux 5.5. */
export const BPF_TRACE_FENTRY = 24;
/** `enum bpf_attach_type`: at its end, likewise. */
export const BPF_TRACE_FEXIT = 25;

/** In place of the number of one function. */
export const ANY_FUNCTION = 0;

/** A function by its type in the BTF of its module. */
export interface BtfFunction {
  /** fd of the module's BTF. */
  readonly btf: number;
  readonly id: number;
}

/**
 * Loads a program for one function's trampoline: Linux 5.11 for functions of modules.
 *
 * @param attachType {@linkcode BPF_TRACE_FENTRY} or {@linkcode BPF_TRACE_FEXIT}; for many functions
 * {@linkcode BPF_TRACE_FSESSION_MULTI}, with {@linkcode ANY_FUNCTION}
 * @throws {SystemError} if the kernel refuses
 */
export function loadTrampoline(
  name: string,
  instructions: Uint8Array<ArrayBuffer>,
  attachType: number,
  { btf, id }: BtfFunction,
): FileDescriptor {
  return loadProgram(BPF_PROG_TYPE_TRACING, name, instructions, (view) => {
    view.setUint32(68, attachType, true);
    view.setUint32(108, id, true);
    view.setUint32(112, btf, true);
  });
}

/** `enum bpf_prog_type`: kprobes and kretprobes. */
const BPF_PROG_TYPE_KPROBE = 2;

/** Loads a program for a kprobe or kretprobe. @throws {SystemError} if the kernel refuses */
export function loadKprobe(name: string, instructions: Uint8Array<ArrayBuffer>): FileDescriptor {
  return loadProgram(BPF_PROG_TYPE_KPROBE, name, instructions, () => {});
}

function loadProgram(
  type: number,
  name: string,
  instructions: Uint8Array<ArrayBuffer>,
  complete: (attributes: DataView) => void,
): FileDescriptor {
  const license = cString("Dual BSD/GPL");
  const attributes = new Uint8Array(120);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, instructions.length / 8, true);
  view.setBigUint64(8, addressOf(instructions), true);
  view.setBigUint64(16, addressOf(license), true);
  attributes.set(new TextEncoder().encode(name).subarray(0, 15), 48);
  complete(view);
  return new FileDescriptor(bpf(`Cannot load "${name}"`, BPF_PROG_LOAD, attributes));
}

/**
 * The BTF that the kernel has of a module: Linux 5.11.
 *
 * @returns `null` if it has none
 * @throws {SystemError} EPERM without CAP_SYS_ADMIN
 */
export function openModuleBtf(module: string): FileDescriptor | null {
  const id = moduleBtfs().get(module);
  return id === undefined ? null : openBtf(id);
}

/**
 * Ids of the BTF that the kernel has of modules, by their names: Linux 5.11.
 *
 * @throws {SystemError} EPERM without CAP_SYS_ADMIN
 */
export function moduleBtfs(): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  const name = new Uint8Array(64);
  for (let id = nextBtf(0); id !== null; id = nextBtf(id)) {
    using btf = openBtf(id);
    if (btf === null) continue;
    // struct bpf_btf_info: the name is of a module, or "vmlinux", or empty.
    const info = new Uint8Array(32);
    const infoView = new DataView(info.buffer);
    infoView.setBigUint64(16, addressOf(name), true);
    infoView.setUint32(24, name.length, true);
    name.fill(0);
    const attributes = new Uint8Array(16);
    const view = new DataView(attributes.buffer);
    view.setUint32(0, btf.number, true);
    view.setUint32(4, info.length, true);
    view.setBigUint64(8, addressOf(info), true);
    bpf("Cannot read the name of BTF", BPF_OBJ_GET_INFO_BY_FD, attributes);
    const found = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    if (infoView.getUint32(28, true) === 1) ids.set(found, id);
  }
  return ids;
}

/** The next id of BTF in the kernel; `null` behind the last. */
function nextBtf(id: number): number | null {
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, id, true);
  try {
    bpf("Cannot list the kernel's BTF", BPF_BTF_GET_NEXT_ID, attributes);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  return view.getUint32(4, true);
}

/** BTF of the kernel by its id; `null` if it has gone meanwhile. */
export function openBtf(id: number): FileDescriptor | null {
  const attributes = new Uint8Array(16);
  new DataView(attributes.buffer).setUint32(0, id, true);
  try {
    return new FileDescriptor(
      bpf("Cannot open the kernel's BTF", BPF_BTF_GET_FD_BY_ID, attributes),
    );
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof SystemError && error.errno === ENOENT;
}

/** `enum perf_type_id`: a tracepoint, or an event made through tracefs. */
const PERF_TYPE_TRACEPOINT = 2;
const PERF_ATTR_SIZE = 72; // PERF_ATTR_SIZE_VER1
const PERF_FLAG_FD_CLOEXEC = 8n;
const PERF_EVENT_IOC_ENABLE = 0x2400n;
const PERF_EVENT_IOC_SET_BPF = 0x40042408n;

/**
 * Opens a perf event for a tracefs event. The kernel arms the event's probes here, and disarms them when
 * the last fd is closed, also if the process dies.
 *
 * @param id contents of the event's `id` file
 * @throws {SystemError} of kind `perf_event`
 */
export function openTracepoint(id: number): FileDescriptor {
  const attributes = perfAttributes(PERF_TYPE_TRACEPOINT);
  new DataView(attributes.buffer).setBigUint64(8, BigInt(id), true);
  return openPerfEvent("Cannot open the kprobe event", attributes);
}

/** The kernel's number of perf's type for kprobes: Linux 4.17. */
const KPROBE_TYPE = "/sys/bus/event_source/devices/kprobe/type";

/** Bit of the configuration that makes it a kretprobe: `format/retprobe` beside {@linkcode KPROBE_TYPE}. */
const IS_RETURN = 1n;

/**
 * Opens a kprobe on the start of a function of the kernel or a module, which is there until the fd is
 * closed, also if the process dies.
 *
 * @param at `return` for a kretprobe
 * @throws {SystemError} of kind `perf_event`: ENOENT if there is no such function
 * @throws {Failure} if the kernel has no kprobes
 */
export function openKprobe(fn: string, at: "entry" | "return" = "entry"): FileDescriptor {
  const name = cString(fn);
  const type = readText(KPROBE_TYPE);
  if (type === null) {
    throw new Failure(
      "perf_event",
      `Cannot probe ${fn}: the kernel has no kprobes (CONFIG_KPROBE_EVENTS)`,
    );
  }
  const attributes = perfAttributes(Number(type));
  const view = new DataView(attributes.buffer);
  if (at === "return") view.setBigUint64(8, IS_RETURN, true); // config
  view.setBigUint64(56, addressOf(name), true); // kprobe_func
  return openPerfEvent(`Cannot probe ${fn}`, attributes);
}

function perfAttributes(type: number): Uint8Array<ArrayBuffer> {
  const attributes = new Uint8Array(PERF_ATTR_SIZE);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, PERF_ATTR_SIZE, true);
  view.setBigUint64(16, 1n, true); // sample_period: every hit
  return attributes;
}

function openPerfEvent(what: string, attributes: Uint8Array<ArrayBuffer>): FileDescriptor {
  const everyTask = 0xffffffffffffffffn;
  const result = libc().syscall(
    SYS_PERF_EVENT_OPEN,
    addressOf(attributes),
    everyTask,
    0n, // a CPU must be named; the program runs on all of them
    0xffffffffffffffffn,
    PERF_FLAG_FD_CLOEXEC,
    0n,
  );
  return new FileDescriptor(check(what, result, "perf_event"));
}

/** Runs `program` on each hit of a perf event, until the event is closed. */
export function runOnEvent(event: number, program: number): void {
  check(
    "Cannot set the program of the kprobe event",
    libc().ioctl(event, PERF_EVENT_IOC_SET_BPF, BigInt(program)),
  );
  check("Cannot enable the kprobe event", libc().ioctl(event, PERF_EVENT_IOC_ENABLE, 0n));
}
