/**
 * Runs translated filters as the kernel does: over the bytes of a recording, and where no BPF is allowed.
 *
 * @module
 */

import type { Instruction } from "./ebpf.ts";

/** Where the frame is, in an address space of its own: numbers are 64 bits only in sums with these. */
const FRAME_AT = 2 ** 40;
/** What r10 points behind. */
const STACK_AT = 2 ** 41;
const STACK_BYTES = 64;
/** Where the number of bytes at hand is. */
const CAPTURED_AT = 2 ** 42;
/** The upper half of registers with 32-bit arguments. */
const GARBAGE = 2 ** 34;

/**
 * Executes a program that `translate()` has made.
 *
 * @param captured bytes of the frame at hand
 * @param length of the whole frame
 * @returns `NO_MATCH`, `MATCH` or `UNDECIDED`
 * @throws {Error} where the verifier would refuse the program
 */
export function run(
  program: readonly Instruction[],
  frame: Uint8Array,
  captured: number,
  length: number,
): number {
  const r = [
    NaN,
    FRAME_AT,
    CAPTURED_AT,
    GARBAGE + length,
    NaN,
    NaN,
    NaN,
    NaN,
    NaN,
    NaN,
    STACK_AT,
  ];
  const stack: number[] = [];
  const get = (register: number): number => {
    const value = r[register]!;
    if (Number.isNaN(value)) throw new Error(`r${register} is not set`);
    return value;
  };
  for (let pc = 0;;) {
    const instruction = program[pc++];
    if (instruction === undefined) throw new Error("Ran off the end");
    const { code, dst, src, off, imm } = instruction;
    switch (code & 7) {
      case 1: { // LDX
        const address = get(src) + off;
        if (address === CAPTURED_AT) r[dst] = captured;
        else if (address > STACK_AT - STACK_BYTES) r[dst] = stack[STACK_AT - address] ?? NaN;
        else r[dst] = load(frame, captured, address - FRAME_AT, sizeOf(code));
        get(dst);
        break;
      }
      case 2: // ST
      case 3: // STX
        if (dst !== 10 || sizeOf(code) !== 4) throw new Error("Store elsewhere than on the stack");
        stack[-off] = ((code & 7) === 2 ? imm : get(src)) >>> 0;
        break;
      case 4: // ALU
        r[dst] = arithmetic(
          code & 0xf0,
          (code & 0xf0) === 0xb0 ? 0 : get(dst) >>> 0,
          // A change of byte order has the number of bits.
          (code & 8 && (code & 0xf0) !== 0xd0 ? get(src) : imm) >>> 0,
        );
        break;
      case 5: // JMP
      case 6: { // JMP32
        if (code === 0x95) return get(0) >>> 0;
        if (off < 0) throw new Error("Jump backwards");
        if (code === 0x05 || compares(instruction, get(dst), code & 8 ? get(src) : imm)) pc += off;
        break;
      }
      case 7: // ALU64
        if (code === 0xbf) r[dst] = get(src);
        else if ((code & 0xf0) !== 0) throw new Error(`Unknown operation ${code}`);
        else r[dst] = get(dst) + (code & 8 ? get(src) : imm);
        break;
      default:
        throw new Error(`Unknown instruction ${code}`);
    }
  }
}

function sizeOf(code: number): number {
  return code & 0x10 ? 1 : code & 0x08 ? 2 : 4;
}

function load(frame: Uint8Array, captured: number, at: number, size: number): number {
  if (at < 0 || at + size > captured) throw new Error(`Read of ${size} bytes at ${at}`);
  let value = 0;
  for (let i = size; i > 0; i--) value = value << 8 | frame[at + i - 1]!;
  return value >>> 0;
}

function arithmetic(operation: number, a: number, b: number): number {
  switch (operation) {
    case 0x00:
      return (a + b) >>> 0;
    case 0x10:
      return (a - b) >>> 0;
    case 0x20:
      return Math.imul(a, b) >>> 0;
    case 0x30:
      return b === 0 ? 0 : Math.floor(a / b);
    case 0x40:
      return (a | b) >>> 0;
    case 0x50:
      return (a & b) >>> 0;
    case 0x60:
      return (a << b) >>> 0;
    case 0x70:
      return a >>> b;
    case 0x80:
      return -a >>> 0;
    case 0x90:
      return b === 0 ? a : a % b;
    case 0xa0:
      return (a ^ b) >>> 0;
    case 0xb0:
      return b;
    case 0xd0: {
      const swapped = a << 24 | a << 8 & 0xff0000 | a >>> 8 & 0xff00 | a >>> 24;
      return swapped >>> (32 - b);
    }
    default:
      throw new Error(`Unknown operation ${operation}`);
  }
}

/** Whether the condition of a jump is true, 32-bit or not. */
function compares({ code }: Instruction, left: number, right: number): boolean {
  const [a, b] = (code & 7) === 6 ? [left >>> 0, right >>> 0] : [left, right];
  switch (code & 0xf0) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0;
    case 0x50:
      return a !== b;
    case 0xa0:
      return a < b;
    case 0xb0:
      return a <= b;
    default:
      throw new Error(`Unknown condition ${code}`);
  }
}
