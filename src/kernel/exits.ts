/**
 * Where a compiled function ends: the addresses of its return instructions and of the jumps by which it
 * hands over to another function.
 *
 * @module
 */

import type { TextSymbols } from "./text_symbols.ts";
import { decode, type Instruction } from "./x86.ts";

/** Reads kernel text. */
export interface KernelText {
  /**
   * The `length` bytes at an address, given by its low 32 bits.
   *
   * @throws {UnknownEnds} if they are not mapped, or have been changed by a probe
   */
  read(low: number, length: number): Uint8Array;
}

/** The ends of a function. Addresses are low 32 bits. */
export interface FunctionEnds {
  /** First instruction after the ftrace site. Registers and stack are still those of the call. */
  readonly entry: number;
  /** Instructions that leave the function for good. */
  readonly exits: readonly Exit[];
}

/** An instruction that leaves a function. */
export interface Exit {
  readonly at: number;
  /**
   * Register with the target of the jump, 0 (rax) to 15 (r15); {@linkcode RETURN} for a return, and
   * {@linkcode ELSEWHERE} for a jump to a function that is not traced.
   */
  readonly register: number;
}

/** {@linkcode Exit.register} of a return: RAX has the result. */
export const RETURN = -1;
/** {@linkcode Exit.register} of a direct jump: the result is not there yet. */
export const ELSEWHERE = 16;

/** A function whose ends cannot be found, with the reason. */
export class UnknownEnds extends Error {
  override readonly name = "UnknownEnds";
}

/**
 * endbr64, and what the kernel replaces it with in functions that are only called directly:
 * gen_endbr_poison() in arch/x86/include/asm/ibt.h, Linux 5.18 and, with other bytes, 6.13.
 */
const ENDBR64 = [
  [0xf3, 0x0f, 0x1e, 0xfa],
  [0x66, 0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0xd6],
];
/** Bytes of endbr64. */
export const ENDBR64_BYTES = 4;
/**
 * Contents of an unused ftrace site. Before Linux 5.13 they depend on the CPU: arch_init_ideal_nops() in
 * arch/x86/kernel/alternative.c selects the second for old AMD CPUs and for the one emulated by QEMU.
 */
const NOPS = [
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x66, 0x66, 0x66, 0x90],
];
const CALL = 0xe8;
const FTRACE_BYTES = 5;
/** `jmp *%r11`. */
const JUMP_BYTES = 3;
/** Maximum size of a function, in bytes. */
const MAX_BYTES = 256 * 1024;

/** Names of the thunks that replace an indirect jump: arch/x86/lib/retpoline.S. */
const INDIRECT_THUNK = /^__x86_indirect_(?:jump_)?thunk_(\w+)$/;
/**
 * Names of what takes the place of a return instruction on processors that need it (retbleed, SRSO, ITS):
 * the kernel leaves the jumps to it, or makes them of return instructions.
 */
const RETURN_THUNK = /_return_thunk$/;
const REGISTERS = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];

/**
 * Finds the ends of the function at `start`.
 *
 * The function is decoded from its first byte to the next symbol or the zeros before it, and so is its
 * cold part, which the compiler places elsewhere as `NAME.cold`. A jump out of both to another function
 * is an end as well, unless it leads to the start of a traced function: the return of that one is then
 * the return of both, as with a kretprobe.
 *
 * @param isTraced whether a traced function starts at an address
 * @throws {UnknownEnds} if the code cannot be decoded, leaves the function in a way that cannot be
 * probed, or jumps back to where the entry probe would count another call
 */
export function findEnds(
  text: KernelText,
  symbols: TextSymbols,
  start: number,
  name: string,
  isTraced: (low: number) => boolean,
): FunctionEnds {
  const ranges: Range[] = [rangeAt(symbols, start)];
  const leaving: Jump[] = [];
  const exits: Exit[] = [];
  let entry = 0;
  for (const range of ranges) {
    const code = text.read(range.start, range.end - range.start);
    let offset = 0;
    if (range.start === start) {
      offset = behindFtrace(code);
      entry = start + offset;
    }
    const { end, jumps } = decodeRange(code, offset, range, symbols, exits);
    range.end = end;
    for (const jump of jumps) {
      const { target } = jump;
      if (target >= start && target <= entry) throw new UnknownEnds("it jumps back to its start");
      if (ranges.some((known) => target >= known.start && target < known.end)) continue;
      const symbol = symbols.containing(target);
      if (symbol !== undefined && isColdPart(symbol.name, name)) {
        ranges.push(rangeAt(symbols, symbol.start));
      } else {
        leaving.push(jump);
      }
    }
  }
  for (const { at, target, always } of leaving) {
    if (isTraced(target)) continue;
    const symbol = symbols.containing(target)?.name ?? "";
    // A probe on a conditional jump does not know whether it will be taken.
    if (!always) throw new UnknownEnds(`it jumps conditionally to ${symbol}`);
    exits.push({ at, register: thunkRegister(text, symbol, target) });
  }
  return { entry, exits };
}

/** Code of a function, or of its cold part. Addresses are low 32 bits. */
interface Range {
  readonly start: number;
  end: number;
}

/** A direct jump. Addresses are low 32 bits. */
interface Jump {
  readonly at: number;
  readonly target: number;
  /** False for a conditional jump. */
  readonly always: boolean;
}

/**
 * Decodes `range` from `from` up to the zeros at its end: between it and the next symbol there may be
 * the end of a section, and the data of a whole module.
 *
 * @param exits receives the instructions that leave the function whatever the target
 * @returns where the code ends, and its direct jumps
 */
function decodeRange(
  code: Uint8Array,
  from: number,
  range: Range,
  symbols: TextSymbols,
  exits: Exit[],
): { readonly end: number; readonly jumps: readonly Jump[] } {
  const jumps: Jump[] = [];
  const instruction: Instruction = { length: 0, flow: "next", target: 0, register: 0 };
  let offset = from;
  while (offset < code.length && !isFill(code, offset)) {
    if (!decode(code, offset, instruction)) {
      const place = `${symbols.containing(range.start)?.name}+0x${offset.toString(16)}`;
      throw new UnknownEnds(`unknown instruction at ${place}`);
    }
    const at = range.start + offset;
    switch (instruction.flow) {
      case "return":
        exits.push({ at, register: RETURN });
        break;
      case "jump to register":
        exits.push({ at, register: instruction.register });
        break;
      case "jump to memory":
        throw new UnknownEnds("it jumps through memory");
      case "jump":
      case "branch": {
        const target = range.start + instruction.target;
        jumps.push({ at, target, always: instruction.flow === "jump" });
        break;
      }
      case "trap":
      case "next":
        break;
    }
    offset += instruction.length;
  }
  if (offset >= MAX_BYTES) throw new UnknownEnds("its size is unknown");
  return { end: range.start + offset, jumps };
}

/**
 * Whether there are only zeros here: they pad sections, and no compiler generates what they would
 * encode, `add %al,(%rax)`.
 */
function isFill(code: Uint8Array, offset: number): boolean {
  return code[offset] === 0 && (code[offset + 1] ?? 0) === 0;
}

/**
 * What the thunk at `target` does; {@linkcode ELSEWHERE} if there is no thunk.
 *
 * Retpolines are recognized by name, because their code hides the jump. Thunks against Indirect Target
 * Selection (arch/x86/kernel/alternative.c, its_allocate_thunk()) have no symbol and consist of just
 * that jump.
 */
function thunkRegister(text: KernelText, symbol: string, target: number): number {
  const register = INDIRECT_THUNK.exec(symbol)?.[1];
  if (register !== undefined) return REGISTERS.indexOf(register);
  if (RETURN_THUNK.test(symbol)) return RETURN;
  const first: Instruction = { length: 0, flow: "next", target: 0, register: 0 };
  try {
    decode(text.read(target, JUMP_BYTES), 0, first);
  } catch (error) {
    if (!(error instanceof UnknownEnds)) throw error;
  }
  return first.flow === "jump to register" ? first.register : ELSEWHERE;
}

function rangeAt(symbols: TextSymbols, start: number): Range {
  return { start, end: Math.min(symbols.after(start) ?? Infinity, start + MAX_BYTES) };
}

function isColdPart(symbol: string, name: string): boolean {
  return symbol.startsWith(`${name}.cold`);
}

/** Length of what precedes a function's own code: endbr64, and the ftrace call or its nop. */
function behindFtrace(code: Uint8Array): number {
  const holds = (bytes: number[], at: number): boolean =>
    bytes.every((byte, index) => code[at + index] === byte);
  const at = ENDBR64.some((mark) => holds(mark, 0)) ? ENDBR64_BYTES : 0;
  if (!NOPS.some((nop) => holds(nop, at)) && code[at] !== CALL) {
    throw new UnknownEnds("its ftrace site is not at its start");
  }
  return at + FTRACE_BYTES;
}
