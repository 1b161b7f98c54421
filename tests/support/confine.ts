/**
 * Runs a program confined, as in a container: with system calls refused and capabilities dropped. As a
 * program, it confines itself and executes the other one.
 *
 * @module
 */

import { addressOf, check, cString, libc } from "../../src/sys/libc.ts";

/** What to take away. */
export interface Confinement {
  /** System calls that fail. */
  readonly refuse?: readonly RefusedCall[];
  /** Numbers of capabilities (include/uapi/linux/capability.h) that not even root gets. */
  readonly drop?: readonly number[];
}

/** A system call that always fails, or only pretends to succeed. */
export interface RefusedCall {
  /** Its number on x86-64. */
  readonly call: number;
  /** Its errno; 0 to return success without doing anything. */
  readonly errno: number;
  /** Refused only if an argument has this value in its lower half. */
  readonly argument?: { readonly index: number; readonly value: number };
}

/** Command and arguments that start `command` confined. */
export function confined(confinement: Confinement, command: readonly string[]): string[] {
  const options = ["--allow-all", "--no-config", "--no-lock", "--no-check", "--quiet"];
  const program = import.meta.filename!;
  return ["deno", "run", ...options, program, JSON.stringify(confinement), ...command];
}

const SYS_EXECVE = 59n;
const SYS_PRCTL = 157n;
const SYS_SECCOMP = 317n;
const PR_CAPBSET_DROP = 24n;
const SECCOMP_SET_MODE_FILTER = 1n;

// Classic BPF over struct seccomp_data (include/uapi/linux/seccomp.h): the call's number at 0, the
// lower half of argument N at 16 + 8 * N.
const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const FAIL_WITH = 0x00050000;
const INSTRUCTION_BYTES = 8;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

function refusal({ call, errno, argument }: RefusedCall): Instruction[] {
  const fail: Instruction = [RETURN, 0, 0, FAIL_WITH | errno];
  const number: Instruction = [LOAD, 0, 0, 0];
  if (argument === undefined) return [number, [JUMP_IF_EQUAL, 0, 1, call], fail];
  return [
    number,
    [JUMP_IF_EQUAL, 0, 3, call],
    [LOAD, 0, 0, 16 + 8 * argument.index],
    [JUMP_IF_EQUAL, 0, 1, argument.value],
    fail,
  ];
}

function filter(calls: readonly RefusedCall[]): void {
  const instructions = [...calls.flatMap(refusal), [RETURN, 0, 0, ALLOW] as const];
  const code = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(code.buffer);
  for (const [index, [operation, ifTrue, ifFalse, value]] of instructions.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, operation, true);
    view.setUint8(at + 2, ifTrue);
    view.setUint8(at + 3, ifFalse);
    view.setUint32(at + 4, value, true);
  }
  const program = new Uint8Array(16);
  const head = new DataView(program.buffer);
  head.setUint16(0, instructions.length, true);
  head.setBigUint64(8, addressOf(code), true);
  const result = libc()
    .syscall(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, 0n, addressOf(program), 0n, 0n, 0n);
  check("Cannot filter system calls", result);
}

/** A NULL-terminated array of C strings, and the strings. */
function strings(
  list: readonly string[],
): { pointers: BigUint64Array<ArrayBuffer>; keep: unknown } {
  const keep = list.map(cString);
  return { pointers: BigUint64Array.from([...keep.map(addressOf), 0n]), keep };
}

/** Executes `command`, found in PATH. */
function become(command: readonly string[]): void {
  const path = cString("/usr/bin/env");
  const args = strings(["env", ...command]);
  const environment = strings(
    Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`),
  );
  const pointers = [path, args.pointers, environment.pointers].map(addressOf);
  check(
    "Cannot become another program",
    libc().syscall(SYS_EXECVE, pointers[0]!, pointers[1]!, pointers[2]!, 0n, 0n, 0n),
  );
}

if (import.meta.main) {
  const [confinement, ...command] = Deno.args;
  const { drop = [], refuse = [] } = JSON.parse(confinement!) as Confinement;
  for (const capability of drop) {
    const result = libc()
      .syscall(SYS_PRCTL, PR_CAPBSET_DROP, BigInt(capability), 0n, 0n, 0n, 0n);
    check(`Cannot drop capability ${capability}`, result);
  }
  if (refuse.length > 0) filter(refuse);
  become(command);
}
