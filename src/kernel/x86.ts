/**
 * A minimal x86-64 decoder, to find where a compiled kernel function ends: the length of each
 * instruction, and whether it leaves the function.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and
 * appendix A. VEX, EVEX, XOP and 3DNow! encodings are not decoded: functions that use
 * them do not take packets.
 *
 * @module
 */

/** Effect of an instruction on control flow. */
export type Flow =
  /** Continues with the next instruction, possibly after a call. */
  | "next"
  /** Returns from the function. */
  | "return"
  /** Jumps to {@linkcode Instruction.target}, always. */
  | "jump"
  /** Jumps to {@linkcode Instruction.target} or continues. */
  | "branch"
  /** Jumps to the address in {@linkcode Instruction.register}. */
  | "jump to register"
  /** Jumps to an address in memory: a jump table, or a pointer. */
  | "jump to memory"
  /** Traps deliberately: `ud2`, `int3`. */
  | "trap";

/** One decoded instruction; reused by {@linkcode decode} for the next one. */
export interface Instruction {
  /** Bytes. */
  length: number;
  flow: Flow;
  /** Offset of a direct jump's target, relative to the same origin as the given offset. */
  target: number;
  /** Number of the register of an indirect jump, 0 (rax) to 15 (r15). */
  register: number;
}

const NONE = 0;
const MODRM = 1;
const IMM8 = 2;
const IMM16 = 4;
/** Four bytes, two with the operand-size prefix. */
const IMM32 = 8;
/** As {@linkcode IMM32}, eight bytes with REX.W. */
const IMM64 = 16;
/** An address: eight bytes, four with the address-size prefix. */
const OFFSET64 = 32;
/** A relative target of one or four bytes, independent of prefixes. */
const REL8 = 64;
const REL32 = 128;
const INVALID = 256;

/** Fills `count` opcodes of `map` from `first` on. */
function fill(map: Uint16Array, first: number, count: number, form: number): void {
  map.fill(form, first, first + count);
}

function oneByteMap(): Uint16Array {
  const map = new Uint16Array(256);
  for (let row = 0x00; row < 0x40; row += 8) {
    fill(map, row, 4, MODRM);
    map[row + 4] = IMM8;
    map[row + 5] = IMM32;
    fill(map, row + 6, 2, INVALID);
  }
  // REX and prefixes: neither may follow REX.
  fill(map, 0x40, 16, INVALID);
  fill(map, 0x60, 3, INVALID);
  fill(map, 0x64, 4, INVALID);
  map[0x63] = MODRM;
  map[0x68] = IMM32;
  map[0x69] = MODRM | IMM32;
  map[0x6a] = IMM8;
  map[0x6b] = MODRM | IMM8;
  fill(map, 0x70, 16, REL8);
  fill(map, 0x80, 16, MODRM);
  map[0x80] = MODRM | IMM8;
  map[0x81] = MODRM | IMM32;
  map[0x82] = INVALID;
  map[0x83] = MODRM | IMM8;
  map[0x9a] = INVALID;
  fill(map, 0xa0, 4, OFFSET64);
  map[0xa8] = IMM8;
  map[0xa9] = IMM32;
  fill(map, 0xb0, 8, IMM8);
  fill(map, 0xb8, 8, IMM64);
  fill(map, 0xc0, 2, MODRM | IMM8);
  map[0xc2] = IMM16;
  fill(map, 0xc4, 2, INVALID);
  map[0xc6] = MODRM | IMM8;
  map[0xc7] = MODRM | IMM32;
  map[0xc8] = IMM16 | IMM8;
  map[0xca] = IMM16;
  map[0xcd] = IMM8;
  map[0xce] = INVALID;
  fill(map, 0xd0, 4, MODRM);
  fill(map, 0xd4, 3, INVALID);
  fill(map, 0xd8, 8, MODRM);
  fill(map, 0xe0, 4, REL8);
  fill(map, 0xe4, 4, IMM8);
  fill(map, 0xe8, 2, REL32);
  map[0xea] = INVALID;
  map[0xeb] = REL8;
  map[0xf0] = INVALID;
  fill(map, 0xf2, 2, INVALID);
  fill(map, 0xf6, 2, MODRM);
  fill(map, 0xfe, 2, MODRM);
  return map;
}

function twoByteMap(): Uint16Array {
  const map = new Uint16Array(256).fill(MODRM);
  fill(map, 0x05, 5, NONE);
  map[0x0a] = INVALID;
  map[0x0b] = NONE; // ud2
  map[0x0e] = NONE;
  map[0x0f] = INVALID; // 3DNow!
  fill(map, 0x30, 8, NONE);
  fill(map, 0x70, 4, MODRM | IMM8);
  map[0x77] = NONE;
  fill(map, 0x80, 16, REL32);
  fill(map, 0xa0, 3, NONE);
  map[0xa4] = MODRM | IMM8;
  fill(map, 0xa8, 3, NONE);
  map[0xac] = MODRM | IMM8;
  map[0xba] = MODRM | IMM8;
  map[0xc2] = MODRM | IMM8;
  fill(map, 0xc4, 3, MODRM | IMM8);
  fill(map, 0xc8, 8, NONE);
  return map;
}

const ONE_BYTE = oneByteMap();
const TWO_BYTE = twoByteMap();

/** Legacy prefixes, except those whose value matters. */
function isPrefix(byte: number): boolean {
  switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
      return true;
    default:
      return false;
  }
}

const LONGEST = 15;

/**
 * Decodes the instruction at `offset` of `code`.
 *
 * @param into receives the result
 * @returns false if the bytes are not a known instruction, or end before it does
 */
export function decode(code: Uint8Array, offset: number, into: Instruction): boolean {
  let at = offset;
  let operand16 = false;
  let address32 = false;
  let rex = 0;
  let byte = code[at] ?? 0;
  while (isPrefix(byte) && at - offset < LONGEST) {
    if (byte === 0x66) operand16 = true;
    if (byte === 0x67) address32 = true;
    byte = code[++at] ?? 0;
  }
  if ((byte & 0xf0) === 0x40) {
    rex = byte;
    // REX.W overrides the operand-size prefix.
    if ((rex & 8) !== 0) operand16 = false;
    byte = code[++at] ?? 0;
  }
  at++;

  let opcode = byte;
  let form: number;
  if (byte === 0x0f) {
    opcode = code[at++] ?? 0;
    form = TWO_BYTE[opcode]!;
    if (opcode === 0x38 || opcode === 0x3a) {
      at++;
      form = opcode === 0x3a ? MODRM | IMM8 : MODRM;
    }
    opcode |= 0x0f00;
  } else {
    form = ONE_BYTE[byte]!;
  }
  if ((form & INVALID) !== 0) return false;

  let modrm = 0;
  if ((form & MODRM) !== 0) {
    modrm = code[at] ?? 0;
    // pop shares its opcode with XOP.
    if (opcode === 0x8f && (modrm & 0x38) !== 0) return false;
    at += isMoveOfControl(opcode) ? 1 : operandBytes(code, at, modrm);
    // test with an immediate shares its opcode with not, neg, mul and div, which have none.
    if (opcode === 0xf6 && (modrm & 0x30) === 0) at += 1;
    if (opcode === 0xf7 && (modrm & 0x30) === 0) at += operand16 ? 2 : 4;
  }
  if ((form & IMM8) !== 0) at += 1;
  if ((form & IMM16) !== 0) at += 2;
  if ((form & IMM32) !== 0) at += operand16 ? 2 : 4;
  if ((form & IMM64) !== 0) at += (rex & 8) !== 0 ? 8 : operand16 ? 2 : 4;
  if ((form & OFFSET64) !== 0) at += address32 ? 4 : 8;
  if ((form & REL8) !== 0) at += 1;
  if ((form & REL32) !== 0) at += 4;
  if (at > code.length || at - offset > LONGEST) return false;

  into.length = at - offset;
  into.flow = flowOf(opcode, modrm);
  if ((form & REL8) !== 0) into.target = at + (code[at - 1]! << 24 >> 24);
  if ((form & REL32) !== 0) {
    into.target = at +
      (code[at - 4]! | code[at - 3]! << 8 | code[at - 2]! << 16 | code[at - 1]! << 24);
  }
  if (into.flow === "jump to register") into.register = (modrm & 7) | ((rex & 1) << 3);
  return true;
}

/** Moves from and to control and debug registers treat any ModRM as register operands. */
function isMoveOfControl(opcode: number): boolean {
  return (opcode & 0xfffc) === 0x0f20;
}

/** Bytes of ModRM, SIB and displacement. */
function operandBytes(code: Uint8Array, at: number, modrm: number): number {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3) return 1;
  const sib = rm === 4 ? 1 : 0;
  if (mod === 1) return 1 + sib + 1;
  if (mod === 2) return 1 + sib + 4;
  const base = sib === 1 ? (code[at + 1] ?? 0) & 7 : rm;
  return 1 + sib + (base === 5 ? 4 : 0);
}

function flowOf(opcode: number, modrm: number): Flow {
  switch (opcode) {
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xcf:
      return "return";
    case 0xe9:
    case 0xeb:
      return "jump";
    case 0xcc:
    case 0x0f0b:
      return "trap";
    case 0xff:
      if ((modrm & 0x38) === 0x20) return modrm >= 0xc0 ? "jump to register" : "jump to memory";
      return (modrm & 0x38) === 0x28 ? "jump to memory" : "next";
    default:
      return (opcode >= 0x70 && opcode < 0x80) || (opcode >= 0xe0 && opcode < 0xe4) ||
          (opcode >= 0x0f80 && opcode < 0x0f90)
        ? "branch"
        : "next";
  }
}
