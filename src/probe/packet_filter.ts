/**
 * Puts packet filters into a BPF object, in place of the bodies of the functions that bpf/packet_filter.h
 * keeps for them.
 *
 * @module
 */

import { ElfError, elfSection } from "../kernel/elf.ts";
import { type Instruction, INSTRUCTION_BYTES, writeInstructions } from "../packet/ebpf.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { Failure } from "../sys/failure.ts";
import { FILTER_ANY, FILTER_INNER, FILTER_OUTER } from "./layout.ts";

/** `r0 = 0; exit`: a filter that is never asked. */
const NONE: readonly Instruction[] = [
  { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 },
  { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
];

/** Bytes of `Elf64_Sym`. */
const SYMBOL_BYTES = 24;
const STT_FUNC = 2;

const FUNCTIONS = {
  any: "packet_filter_any",
  outer: "packet_filter_outer",
  inner: "packet_filter_inner",
} as const;

const LAYERS = ["any", "outer", "inner"] as const;

/** The bits of the configuration for a filter. */
export function filterBits(filter: PacketFilter): number {
  return (filter.any ? FILTER_ANY : 0) |
    (filter.outer ? FILTER_OUTER : 0) |
    (filter.inner ? FILTER_INNER : 0);
}

/**
 * A copy of an object with a filter in it. The functions for filters become as long as their code: of what
 * libbpf and the kernel would otherwise go through at each start, these are two thirds.
 *
 * @param object the ELF file
 * @param filter `null` for none
 * @throws {Failure} if the object has no room for it
 */
export function withFilter(
  object: Uint8Array<ArrayBuffer>,
  filter: PacketFilter | null,
): Uint8Array<ArrayBuffer> {
  const copy = object.slice();
  for (const layer of LAYERS) {
    const program = filter?.[layer] ?? null;
    const place = findFunction(copy, FUNCTIONS[layer]);
    if (place !== null) replace(place, program ?? NONE);
    else if (program !== null) {
      const name = FUNCTIONS[layer];
      throw new Failure("object", `The BPF object has no function "${name}" for packet filters`);
    }
  }
  return copy;
}

/** A function that is not a program: views into the file. */
interface FunctionPlace {
  /** Its instructions. */
  readonly body: Uint8Array;
  /** Its `Elf64_Sym`, by whose `st_size` libbpf knows where it ends. */
  readonly symbol: DataView;
}

/** Replaces a function. What follows up to the next one belongs to none then, and is not loaded. */
function replace({ body, symbol }: FunctionPlace, program: readonly Instruction[]): void {
  const room = body.length / INSTRUCTION_BYTES;
  if (program.length > room) {
    throw new Failure("object", `The BPF object has no room for ${program.length} instructions`);
  }
  writeInstructions(program, new DataView(body.buffer, body.byteOffset, body.byteLength), 0);
  symbol.setBigUint64(16, BigInt(program.length * INSTRUCTION_BYTES), true);
}

/** `null` if there is none, or the file is damaged, of which libbpf says more. */
function findFunction(object: Uint8Array, name: string): FunctionPlace | null {
  // Where clang puts functions without a section of their own.
  const [symbols, names, text] = sectionsOf(object, [".symtab", ".strtab", ".text"]);
  if (!symbols || !names || !text) return null;
  const wanted = new TextEncoder().encode(`${name}\0`);
  for (let at = 0; at < symbols.length; at += SYMBOL_BYTES) {
    const symbol = new DataView(symbols.buffer, symbols.byteOffset + at, SYMBOL_BYTES);
    const nameAt = symbol.getUint32(0, true);
    if ((symbol.getUint8(4) & 0xf) !== STT_FUNC) continue;
    if (!wanted.every((byte, i) => names[nameAt + i] === byte)) continue;
    const start = Number(symbol.getBigUint64(8, true));
    const end = start + Number(symbol.getBigUint64(16, true));
    if (end <= text.length) return { body: text.subarray(start, end), symbol };
  }
  return null;
}

function sectionsOf(
  object: Uint8Array,
  names: readonly string[],
): readonly (Uint8Array | undefined)[] {
  try {
    return names.map((name) => elfSection(object, name));
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return [];
  }
}
