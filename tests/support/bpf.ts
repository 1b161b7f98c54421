/**
 * bpf(2) for tests: whether this machine allows it, and a program that writes records on request.
 *
 * @module
 */

import { FileDescriptor } from "../../src/probe/bpf_syscall.ts";
import type { BpfObject } from "../../src/probe/object.ts";
import { addressOf, check, cString, errorText, libc, SystemError } from "../../src/sys/libc.ts";
import { testUnless } from "./skip.ts";

const SYS_BPF = 321n; // x86-64
const BPF_PROG_LOAD = 5n;
const BPF_PROG_TEST_RUN = 10n;
const BPF_OBJ_GET_INFO_BY_FD = 15n;

/** `enum bpf_prog_type`. */
export const BPF_PROG_TYPE_KPROBE = 2;
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17;

const BPF_F_TEST_RUN_ON_CPU = 1;

/** `r0 = 0; exit`, as `struct bpf_insn`. */
const RETURN_ZERO = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/**
 * Loads a program that does nothing.
 *
 * @throws {SystemError} if the kernel refuses
 */
export function loadIdleProgram(type: number): FileDescriptor {
  return loadInstructions(type, new Uint8Array(RETURN_ZERO));
}

/** Loads a program of any type. @throws {SystemError} if the kernel refuses */
export function loadInstructions(
  type: number,
  instructions: Uint8Array<ArrayBuffer>,
): FileDescriptor {
  const license = cString("Dual BSD/GPL");
  const attributes = new Uint8Array(48);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, instructions.length / 8, true);
  view.setBigUint64(8, addressOf(instructions), true);
  view.setBigUint64(16, addressOf(license), true);
  const fd = check("Cannot load a program", bpf(BPF_PROG_LOAD, attributes));
  return new FileDescriptor(fd);
}

/** Why a program of this type cannot be loaded here; empty if it can. */
export function whyNoPrograms(type: number): string {
  try {
    loadIdleProgram(type)[Symbol.dispose]();
    return "";
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return `the kernel loads no BPF program of type ${type}: ${errorText(error.errno)}`;
  }
}

/** Defines tests that need programs of a type; the name of a skipped test has the reason. */
export function bpfTest(type: number): (name: string, fn: () => void | Promise<void>) => void {
  const reason = whyNoPrograms(type);
  return (name, fn) => testUnless(reason, name, fn);
}

/**
 * Runs a raw tracepoint program, such as vrft_test_record, by BPF_PROG_TEST_RUN (Linux 5.10 for its
 * type).
 */
export class RecordProgram {
  readonly #context = new BigUint64Array(3);
  /** The anonymous struct for this command in `union bpf_attr`, up to its member `cpu`. */
  readonly #attributes = new Uint8Array(72);
  readonly #view = new DataView(this.#attributes.buffer);

  constructor(program: number) {
    this.#view.setUint32(0, program, true);
    this.#view.setUint32(40, this.#context.byteLength, true); // ctx_size_in
    this.#view.setBigUint64(48, addressOf(this.#context), true); // ctx_in
  }

  /** The program of a loaded object. */
  static of(object: BpfObject, name = "vrft_test_record"): RecordProgram {
    return new RecordProgram(object.programFd(name));
  }

  /**
   * Writes one record, if the ring has room.
   *
   * @param call the call word, with the slot's generation above its 32 bits
   * @param cpu CPU to run on; the current one by default
   * @returns the program's return value
   */
  run(call: bigint, kind: number, frame: bigint, cpu?: number): number {
    this.#context[0] = call;
    this.#context[1] = BigInt(kind);
    this.#context[2] = frame;
    this.#view.setUint32(64, cpu === undefined ? 0 : BPF_F_TEST_RUN_ON_CPU, true);
    this.#view.setUint32(68, cpu ?? 0, true);
    check("Cannot run the test program", bpf(BPF_PROG_TEST_RUN, this.#attributes));
    return this.#view.getUint32(4, true); // retval
  }
}

/** Runs a raw tracepoint program with these words as its context, on this CPU; returns its result. */
export function runProgram(program: number, context: readonly bigint[], cpu: number): number {
  const words = BigUint64Array.from(context);
  const attributes = new Uint8Array(72);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, program, true);
  view.setUint32(40, words.byteLength, true);
  view.setBigUint64(48, addressOf(words), true);
  view.setUint32(64, BPF_F_TEST_RUN_ON_CPU, true);
  view.setUint32(68, cpu, true);
  check("Cannot run the program", bpf(BPF_PROG_TEST_RUN, attributes));
  return view.getUint32(4, true);
}

const SYS_SCHED_SETAFFINITY = 203n; // x86-64
const SYS_SCHED_GETAFFINITY = 204n;

/**
 * Keeps this thread on a CPU until the end of the `using` block. A program that is run on another one runs
 * in an interrupt there, within whatever task.
 */
export function stayOn(cpu: number): Disposable {
  const before = new Uint8Array(128);
  const only = new Uint8Array(before.length);
  only[cpu >> 3] = 1 << (cpu & 7);
  const call = (number: bigint, mask: Uint8Array<ArrayBuffer>): number =>
    Number(libc().syscall(number, 0n, BigInt(mask.length), addressOf(mask), 0n, 0n, 0n));
  check("Cannot tell the thread's CPUs", call(SYS_SCHED_GETAFFINITY, before));
  check("Cannot keep the thread on a CPU", call(SYS_SCHED_SETAFFINITY, only));
  return { [Symbol.dispose]: () => void call(SYS_SCHED_SETAFFINITY, before) };
}

/** Instructions that the verifier has gone through for a program (Linux 5.16). */
export function verifiedInstructions(program: number): number {
  // struct bpf_prog_info, up to its member verified_insns.
  const info = new Uint8Array(224);
  const attributes = new Uint8Array(16);
  const view = new DataView(attributes.buffer);
  view.setUint32(0, program, true);
  view.setUint32(4, info.length, true);
  view.setBigUint64(8, addressOf(info), true);
  check("Cannot read a program's information", bpf(BPF_OBJ_GET_INFO_BY_FD, attributes));
  return new DataView(info.buffer).getUint32(216, true);
}

function bpf(command: bigint, attributes: Uint8Array<ArrayBuffer>): bigint {
  const size = BigInt(attributes.length);
  return libc().syscall(SYS_BPF, command, addressOf(attributes), size, 0n, 0n, 0n);
}
