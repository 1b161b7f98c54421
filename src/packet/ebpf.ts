/**
 * Classic BPF translated to eBPF, in the form that bpf/packet_filter.h has room for: a function of the
 * frame's address (r1), of where the number of bytes at hand is (r2), and of the frame's length (r3),
 * whose upper half is undefined, as clang leaves it.
 *
 * @module
 */

import type { ClassicInstruction } from "./classic.ts";

/** An eBPF instruction, `struct bpf_insn` of the kernel; never the 16 bytes of a 64-bit constant. */
export interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

/** What the translated function returns. */
export const NO_MATCH = 0;
export const MATCH = 1;
/** The filter reads behind the bytes at hand, and the frame has more. */
export const UNDECIDED = 2;

/** Bytes of a frame at hand at most: 256, and a VLAN tag put back. `VRFT_FRAME_BYTES` in bpf/vrft.h. */
export const FRAME_BYTES = 260;
/** Bytes that a filter may name: those at hand without that tag. */
const NAMED_BYTES = 256;

/** A program that cannot be translated; the message says why, without period. */
export class TranslationError extends Error {
  override readonly name = "TranslationError";
}

// Instruction classes, shared by both instruction sets but for those that one has alone.
const LD = 0;
const LDX = 1;
const ST = 2;
const STX = 3;
const ALU = 4;
const JMP = 5;
const RET = 6;
const MISC = 7;
const JMP32 = 6;
const ALU64 = 7;

// Sizes and modes of loads and stores.
const W = 0x00;
const H = 0x08;
const B = 0x10;
const IMM = 0x00;
const ABS = 0x20;
const IND = 0x40;
const MEM = 0x60;
const LEN = 0x80;
const MSH = 0xa0;

// Operations.
const ADD = 0x00;
const DIV = 0x30;
const AND = 0x50;
const LSH = 0x60;
const RSH = 0x70;
const NEG = 0x80;
const MOD = 0x90;
const MOV = 0xb0;
const END = 0xd0;
const JA = 0x00;
const JEQ = 0x10;
const JGT = 0x20;
const JGE = 0x30;
const JNE = 0x50;
const JLT = 0xa0;
const JLE = 0xb0;
const EXIT = 0x90;
/** The operand is a register. For {@linkcode END}: to big endian. */
const X = 0x08;
const K = 0x00;

const A_RETURNED = 0x10;
const TXA = 0x80;

// Registers. No helper is called, so r0 to r5 are not lost.
const A = 0;
const FRAME = 1;
const CAPTURED = 2;
const LENGTH = 3;
const INDEX = 4;
const TEMPORARY = 5;
/** Where {@linkcode CAPTURED} is read from. */
const CAPTURED_AT = 6;
const STACK = 10;

/** Conditions and their opposites; JSET has none. */
const OPPOSITE: Readonly<Record<number, number>> = { [JEQ]: JNE, [JGT]: JLE, [JGE]: JLT };

const MEMORY_WORDS = 16;

/** Where a jump leads: an instruction of the classic program, or one of the ends. */
type Target = number | "behind" | "mismatch" | "next";

/** A jump whose offset is set once all places are known. */
interface Jump {
  readonly at: number;
  readonly to: Exclude<Target, "next">;
}

/**
 * Translates a filter.
 *
 * Repeated checks that a byte is at hand are left out where every way to an instruction has passed one:
 * the translation of 31 classic instructions has about 65 instructions.
 *
 * @throws {TranslationError} for what libpcap compiles, but a program in the kernel cannot do
 */
export function translate(program: readonly ClassicInstruction[]): Instruction[] {
  return new Translator(program).translate();
}

/** Bytes that instructions have in memory. */
export const INSTRUCTION_BYTES = 8;

/** Writes instructions as they lie in an object file. */
export function writeInstructions(
  instructions: readonly Instruction[],
  view: DataView,
  at: number,
): void {
  for (const [index, { code, dst, src, off, imm }] of instructions.entries()) {
    const place = at + index * INSTRUCTION_BYTES;
    view.setUint8(place, code);
    view.setUint8(place + 1, src << 4 | dst);
    view.setInt16(place + 2, off, true);
    view.setInt32(place + 4, imm, true);
  }
}

class Translator {
  readonly #program: readonly ClassicInstruction[];
  readonly #code: Instruction[] = [];
  readonly #jumps: Jump[] = [];
  /** Place of each translated instruction. */
  readonly #places: number[] = [];
  /** Bytes at hand for certain before each instruction; infinite where nothing leads. */
  readonly #known: number[];
  /** Whether ways that know different numbers have met before each instruction. */
  readonly #met: boolean[] = [];

  constructor(program: readonly ClassicInstruction[]) {
    this.#program = program;
    this.#known = program.map(() => Infinity);
    this.#known[0] = 0;
  }

  translate(): Instruction[] {
    this.#emit(ALU64 | MOV | X, CAPTURED_AT, CAPTURED, 0, 0);
    this.#readCaptured();
    this.#constant(A, 0);
    this.#constant(INDEX, 0);
    this.#clearMemory();
    for (const [pc, instruction] of this.#program.entries()) {
      this.#places[pc] = this.#code.length;
      // The verifier refuses code that nothing leads to.
      if (this.#known[pc] !== Infinity) this.#one(pc, instruction);
    }
    this.#ends();
    return this.#code;
  }

  /**
   * Read again for the first check behind where ways meet, so that the verifier forgets what it has
   * learned on each. Otherwise it goes through all that follows for each of them: 15 times for a list
   * of 80 hosts.
   */
  #readCaptured(): void {
    this.#emit(LDX | MEM | W, CAPTURED, CAPTURED_AT, 0, 0);
  }

  /** The verifier refuses to read words of the stack that were not written. */
  #clearMemory(): void {
    const words = new Set(
      this.#program.filter(({ code }) => isMemoryLoad(code)).map(({ k }) => k),
    );
    for (const word of words) this.#emit(ST | MEM | W, STACK, 0, slotOf(word), 0);
  }

  #one(pc: number, { code, jt, jf, k }: ClassicInstruction): void {
    switch (code & 7) {
      case LD:
        this.#load(pc, A, code, k);
        break;
      case LDX:
        this.#load(pc, INDEX, code, k);
        break;
      case ST:
        this.#emit(STX | MEM | W, STACK, A, slotOf(k), 0);
        break;
      case STX:
        this.#emit(STX | MEM | W, STACK, INDEX, slotOf(k), 0);
        break;
      case ALU:
        this.#arithmetic(code & 0xf0, (code & X) !== 0, k);
        break;
      case JMP:
        this.#jump(pc, code, jt, jf, k);
        return;
      case RET:
        this.#return((code & 0x18) === A_RETURNED, k);
        return;
      case MISC:
        if ((code & 0xf8) === TXA) this.#move(A, INDEX);
        else this.#move(INDEX, A);
    }
    this.#reach(pc, pc + 1);
  }

  #load(pc: number, to: number, code: number, k: number): void {
    const size = sizeOf(code);
    switch (code & 0xe0) {
      case IMM:
        this.#constant(to, k);
        return;
      case LEN:
        this.#move(to, LENGTH);
        return;
      case MEM:
        this.#emit(LDX | MEM | W, to, STACK, slotOf(k), 0);
        return;
      case ABS:
        this.#need(pc, k, size);
        this.#emit(LDX | MEM | (code & 0x18), to, FRAME, k, 0);
        this.#toHost(to, size);
        return;
      case MSH:
        this.#need(pc, k, 1);
        this.#emit(LDX | MEM | B, to, FRAME, k, 0);
        this.#emit(ALU | AND | K, to, 0, 0, 0xf);
        this.#emit(ALU | LSH | K, to, 0, 0, 2);
        return;
      case IND:
        this.#loadIndexed(to, code & 0x18, size, k);
        return;
      default:
        throw new TranslationError(`Unknown instruction ${code}`);
    }
  }

  /**
   * Loads from `[x + k]`. Two checks: one against a constant, for the verifier, which does not follow
   * relations between registers before 5.16 or so; and the one that counts.
   */
  #loadIndexed(to: number, width: number, size: number, k: number): void {
    const end = requireAtHand(k, size);
    this.#move(TEMPORARY, INDEX);
    // A sum that does not fit 32 bits is behind the frame, too.
    this.#emit(ALU64 | ADD | K, TEMPORARY, 0, 0, end);
    this.#emit(JMP | JGT | K, TEMPORARY, 0, 0, FRAME_BYTES, "behind");
    this.#emit(JMP32 | JGT | X, TEMPORARY, CAPTURED, 0, 0, "behind");
    this.#emit(ALU64 | ADD | X, TEMPORARY, FRAME, 0, 0);
    this.#emit(LDX | MEM | width, to, TEMPORARY, -size, 0);
    this.#toHost(to, size);
  }

  /** Makes sure that `size` bytes from `k` on are at hand. */
  #need(pc: number, k: number, size: number): void {
    const end = requireAtHand(k, size);
    if (this.#known[pc]! >= end) return;
    if (this.#met[pc]) this.#readCaptured();
    this.#met[pc] = false;
    this.#emit(JMP32 | JLT | K, CAPTURED, 0, 0, end, "behind");
    this.#known[pc] = end;
  }

  #toHost(register: number, size: number): void {
    if (size > 1) this.#emit(ALU | END | X, register, 0, 0, 8 * size);
  }

  #arithmetic(operation: number, byIndex: boolean, k: number): void {
    const divides = operation === DIV || operation === MOD;
    if (operation === NEG) {
      this.#emit(ALU | NEG, A, 0, 0, 0);
    } else if (operation === LSH || operation === RSH) {
      this.#shift(operation, byIndex, k);
    } else if (byIndex) {
      if (divides) this.#emit(JMP32 | JEQ | K, INDEX, 0, 0, 0, "mismatch");
      this.#emit(ALU | operation | X, A, INDEX, 0, 0);
    } else if (divides && k === 0) {
      throw new TranslationError("division by zero");
    } else {
      this.#emit(ALU | operation | K, A, 0, 0, k | 0);
    }
  }

  /** By 32 bits and more gives 0; the processor would shift by the number modulo 32. */
  #shift(operation: number, byIndex: boolean, k: number): void {
    if (!byIndex) {
      if (k < 32) this.#emit(ALU | operation | K, A, 0, 0, k);
      else this.#constant(A, 0);
      return;
    }
    this.#emit(JMP32 | JLT | K, INDEX, 0, 2, 32);
    this.#constant(A, 0);
    this.#emit(JMP | JA, 0, 0, 1, 0);
    this.#emit(ALU | operation | X, A, INDEX, 0, 0);
  }

  #jump(pc: number, code: number, jt: number, jf: number, k: number): void {
    const operation = code & 0xf0;
    if (operation === JA) {
      // Offsets are unsigned here: backwards is a very long way forwards.
      this.#goTo(pc, pc + 1 + k);
      return;
    }
    if (jt === jf) {
      this.#goTo(pc, pc + 1 + jt);
      return;
    }
    const opposite = OPPOSITE[operation];
    if (jt === 0 && opposite !== undefined) {
      this.#branch(pc, opposite, code & X, k, pc + 1 + jf);
      this.#reach(pc, pc + 1);
    } else {
      this.#branch(pc, operation, code & X, k, pc + 1 + jt);
      this.#goTo(pc, pc + 1 + jf);
    }
  }

  #branch(pc: number, operation: number, source: number, k: number, to: number): void {
    const register = source === X ? INDEX : 0;
    this.#emit(JMP32 | operation | source, A, register, 0, source === X ? 0 : k | 0, to);
    this.#reach(pc, to);
  }

  #goTo(pc: number, to: number): void {
    if (to >= this.#program.length) throw backwards();
    this.#reach(pc, to);
    if (to === pc + 1) return;
    this.#emit(JMP | JA, 0, 0, 0, 0, to);
  }

  /** Notes that there is a way from one instruction to another, and what is known on it. */
  #reach(from: number, to: number): void {
    if (to >= this.#program.length) throw backwards();
    const known = this.#known[from]!;
    const other = this.#known[to]!;
    const differ = other !== Infinity && other !== known;
    this.#known[to] = Math.min(other, known);
    this.#met[to] = this.#met[to] || this.#met[from] || differ;
  }

  #return(accumulator: boolean, k: number): void {
    if (accumulator) {
      this.#emit(JMP32 | JEQ | K, A, 0, 0, 0, "mismatch");
      this.#constant(0, MATCH);
    } else {
      this.#constant(0, k === 0 ? NO_MATCH : MATCH);
    }
    this.#emit(JMP | EXIT, 0, 0, 0, 0);
  }

  /** The ends that were jumped to, and the offsets of all jumps. */
  #ends(): void {
    const wanted = new Set(this.#jumps.map(({ to }) => to));
    const places = new Map<Jump["to"], number>();
    if (wanted.has("behind")) {
      places.set("behind", this.#code.length);
      this.#constant(0, UNDECIDED);
      this.#emit(JMP32 | JLT | X, CAPTURED, LENGTH, 1, 0);
      this.#constant(0, NO_MATCH);
      this.#emit(JMP | EXIT, 0, 0, 0, 0);
    }
    if (wanted.has("mismatch")) {
      places.set("mismatch", this.#code.length);
      this.#constant(0, NO_MATCH);
      this.#emit(JMP | EXIT, 0, 0, 0, 0);
    }
    for (const { at, to } of this.#jumps) {
      const place = typeof to === "number" ? this.#places[to]! : places.get(to)!;
      this.#code[at] = { ...this.#code[at]!, off: place - at - 1 };
    }
  }

  #constant(register: number, value: number): void {
    this.#emit(ALU | MOV | K, register, 0, 0, value | 0);
  }

  #move(to: number, from: number): void {
    this.#emit(ALU | MOV | X, to, from, 0, 0);
  }

  #emit(
    code: number,
    dst: number,
    src: number,
    off: number,
    imm: number,
    to: Target = "next",
  ): void {
    if (to !== "next") this.#jumps.push({ at: this.#code.length, to });
    this.#code.push({ code, dst, src, off, imm });
  }
}

function isMemoryLoad(code: number): boolean {
  return ((code & 7) === LD || (code & 7) === LDX) && (code & 0xe0) === MEM;
}

/** Offset of a word of the scratch memory from the frame pointer. */
function slotOf(word: number): number {
  if (word >= MEMORY_WORDS) throw new TranslationError(`Unknown word ${word} of memory`);
  return -4 * (word + 1);
}

function sizeOf(code: number): number {
  switch (code & 0x18) {
    case W:
      return 4;
    case H:
      return 2;
    default:
      return 1;
  }
}

/** The end of what a load reads, without what is in its index register. */
function requireAtHand(k: number, size: number): number {
  // Linux's extensions (SKF_AD_OFF) look like negative offsets.
  if (k >= 0x80000000) {
    throw new TranslationError(
      "it asks for something that only a capture knows, such as a packet's direction",
    );
  }
  if (k + size <= NAMED_BYTES) return k + size;
  throw new TranslationError(
    `it reads byte ${k + size} of a frame, but only the first ${NAMED_BYTES} are looked at`,
  );
}

function backwards(): TranslationError {
  return new TranslationError(
    "it needs a loop (protochain), which programs in the kernel cannot have",
  );
}
