/**
 * Finds a section of an ELF file: `vmlinux` and `.ko` files contain BTF, too.
 *
 * Format: elf(5); only the 64-bit little-endian form, which x86-64 uses.
 *
 * @module
 */

/** Why a file is not a readable ELF file. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

/** Size of `Elf64_Ehdr`. */
const HEADER_BYTES = 64;
/** Size of `Elf64_Shdr`. */
const SECTION_BYTES = 64;
/** `sh_type` of a section without bytes in the file. */
const SHT_NOBITS = 8;
/** `sh_flags` bit of a compressed section. */
const SHF_COMPRESSED = 0x800n;

/** Whether `bytes` start like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * The contents of the first section called `name`, as a view into `bytes`. Takes one step per
 * section header, of which there are at most 65,535.
 *
 * @returns `undefined` if there is no such section
 * @throws {ElfError} if `bytes` are damaged, or of another word size or byte order
 */
export function elfSection(bytes: Uint8Array, name: string): Uint8Array | undefined {
  if (!isElf(bytes) || bytes.length < HEADER_BYTES) throw new ElfError("Truncated ELF header");
  if (bytes[4] !== 2) throw new ElfError("Not a 64-bit ELF file");
  if (bytes[5] !== 1) throw new ElfError("ELF file of a big-endian machine");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableAt = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  if (count === 0) return undefined;
  if (view.getUint16(58, true) !== SECTION_BYTES) {
    throw new ElfError("ELF section headers of unknown size");
  }
  if (tableAt + count * SECTION_BYTES > bytes.length) {
    throw new ElfError("Truncated ELF section headers");
  }
  if (namesIndex >= count) throw new ElfError("ELF section names are missing");

  const names = contents(bytes, view, tableAt + namesIndex * SECTION_BYTES);
  const wanted = new TextEncoder().encode(`${name}\0`);
  for (let index = 0; index < count; index++) {
    const at = tableAt + index * SECTION_BYTES;
    const nameAt = view.getUint32(at, true);
    if (wanted.every((byte, i) => names[nameAt + i] === byte)) return contents(bytes, view, at);
  }
  return undefined;
}

/** The contents of the section whose header is at `at`. */
function contents(bytes: Uint8Array, view: DataView, at: number): Uint8Array {
  if (view.getUint32(at + 4, true) === SHT_NOBITS) return new Uint8Array();
  if (view.getBigUint64(at + 8, true) & SHF_COMPRESSED) {
    throw new ElfError("Compressed ELF section");
  }
  const offset = Number(view.getBigUint64(at + 24, true));
  const size = Number(view.getBigUint64(at + 32, true));
  if (offset + size > bytes.length) throw new ElfError("ELF section exceeds the file");
  return bytes.subarray(offset, offset + size);
}
