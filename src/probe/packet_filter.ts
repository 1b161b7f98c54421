/**
 * Puts packet filters into a BPF object, in place of the bodies of the functions that bpf/packet_filter.h
 * keeps for them.
 *
 * @module
 */

import { elfSection } from "../kernel/elf.ts";
import { type Instruction, INSTRUCTION_BYTES, writeInstructions } from "../packet/ebpf.ts";
import type { PacketFilter } from "../packet/expression.ts";
import { Failure } from "../sys/failure.ts";
import { FILTER_ANY, FILTER_INNER, FILTER_OUTER } from "./layout.ts";

/** `goto +0`, which the kernel deletes. */
const NOTHING: Instruction = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };
/** `r0 = 0` */
const ZERO: Instruction = { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 };
/** `if r0 == 0 goto …` */
const IF_ZERO: Instruction = { code: 0x15, dst: 0, src: 0, off: 0, imm: 0 };

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
 * A copy of an object with a filter in it.
 *
 * @param object the ELF file
 * @throws {Failure} if the object has no room for it
 */
export function withFilter(
  object: Uint8Array<ArrayBuffer>,
  filter: PacketFilter,
): Uint8Array<ArrayBuffer> {
  const copy = object.slice();
  for (const layer of LAYERS) {
    const program = filter[layer];
    if (program !== null) replace(copy, FUNCTIONS[layer], program);
  }
  return copy;
}

/**
 * Replaces a function. The new code is at its end, because the verifier refuses code that nothing leads
 * to. What is in front of it is jumped over, by a condition that the verifier knows to be true: it does
 * not follow the other way, which would be two steps for each `goto +0`, and the kernel deletes it.
 */
function replace(object: Uint8Array, name: string, program: readonly Instruction[]): void {
  const body = functionBody(object, name);
  const room = body.length / INSTRUCTION_BYTES;
  if (program.length > room) {
    throw new Failure("object", `The BPF object has no room for ${program.length} instructions`);
  }
  const gap = room - program.length;
  const padding = Array.from({ length: gap }, () => NOTHING);
  if (gap > 2) padding.splice(0, 2, ZERO, { ...IF_ZERO, off: gap - 2 });
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  writeInstructions([...padding, ...program], view, 0);
}

/** The instructions of a function that is not a program. */
function functionBody(object: Uint8Array, name: string): Uint8Array {
  const symbols = elfSection(object, ".symtab");
  const names = elfSection(object, ".strtab");
  // Where clang puts functions without a section of their own.
  const text = elfSection(object, ".text");
  if (symbols && names && text) {
    const wanted = new TextEncoder().encode(`${name}\0`);
    const view = new DataView(symbols.buffer, symbols.byteOffset, symbols.byteLength);
    for (let at = 0; at < symbols.length; at += SYMBOL_BYTES) {
      const nameAt = view.getUint32(at, true);
      if ((view.getUint8(at + 4) & 0xf) !== STT_FUNC) continue;
      if (!wanted.every((byte, i) => names[nameAt + i] === byte)) continue;
      const start = Number(view.getBigUint64(at + 8, true));
      const end = start + Number(view.getBigUint64(at + 16, true));
      if (end <= text.length) return text.subarray(start, end);
    }
  }
  throw new Failure("object", `The BPF object has no function "${name}" for packet filters`);
}
