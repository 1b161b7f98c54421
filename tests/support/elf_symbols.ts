/**
 * Symbols of ELF files, which the program itself has no use for.
 *
 * @module
 */

import { elfSection } from "../../src/kernel/elf.ts";

/** Bytes of `Elf64_Sym`. */
const SYMBOL_BYTES = 24;

/** Each symbol's offset in its section, as elf(5) has it for files that are not linked. */
export function symbolOffsets(file: Uint8Array): Map<string, number> {
  const table = elfSection(file, ".symtab")!;
  const names = elfSection(file, ".strtab")!;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const offsets = new Map<string, number>();
  for (let at = 0; at < table.length; at += SYMBOL_BYTES) {
    const nameAt = view.getUint32(at, true);
    const name = new TextDecoder().decode(names.subarray(nameAt, names.indexOf(0, nameAt)));
    offsets.set(name, Number(view.getBigUint64(at + 8, true)));
  }
  return offsets;
}
