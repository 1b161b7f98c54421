/**
 * Symbols of ELF files, which vrft itself does not need.
 *
 * @module
 */

import { elfSection } from "../../src/kernel/elf.ts";

/** Bytes of `Elf64_Sym`. */
const SYMBOL_BYTES = 24;

/** The names of an object's undefined symbols. */
export function undefinedSymbols(file: Uint8Array): string[] {
  const names: string[] = [];
  for (const [name, { section }] of symbols(file)) {
    if (name !== "" && section === 0) names.push(name);
  }
  return names.sort();
}

/** Each symbol's offset in its section (elf(5), relocatable files). */
export function symbolOffsets(file: Uint8Array): Map<string, number> {
  return new Map([...symbols(file)].map(([name, { offset }]) => [name, offset]));
}

/** Each symbol's size in bytes. */
export function symbolSizes(file: Uint8Array): Map<string, number> {
  return new Map([...symbols(file)].map(([name, { size }]) => [name, size]));
}

interface Symbol {
  /** Number of its section; 0 if undefined. */
  readonly section: number;
  readonly offset: number;
  readonly size: number;
}

function symbols(file: Uint8Array): Map<string, Symbol> {
  const table = elfSection(file, ".symtab")!;
  const names = elfSection(file, ".strtab")!;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const found = new Map<string, Symbol>();
  for (let at = 0; at < table.length; at += SYMBOL_BYTES) {
    const nameAt = view.getUint32(at, true);
    const name = new TextDecoder().decode(names.subarray(nameAt, names.indexOf(0, nameAt)));
    const section = view.getUint16(at + 6, true);
    const [offset, size] = [8, 16].map((field) => Number(view.getBigUint64(at + field, true)));
    found.set(name, { section, offset: offset!, size: size! });
  }
  return found;
}
