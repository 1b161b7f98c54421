/**
 * Reads files passed as BTF, including gzip-compressed ones, and identifies files without BTF.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { elfSection, isElf } from "./elf.ts";

/** More than any vmlinux with debug information. */
export const MAX_BTF_FILE_BYTES = 2 ** 31;

const GZIP = [0x1f, 0x8b];

/** Kinds of files without BTF, by their magic, and what to do with them. */
const OTHER_KINDS: readonly (readonly [magic: readonly number[], at: number, kind: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 0, "It is xz-compressed: unpack it first (xz -dk FILE)"],
  [[0x28, 0xb5, 0x2f, 0xfd], 0, "It is zstd-compressed: unpack it first (zstd -d FILE)"],
  [[0x42, 0x5a, 0x68], 0, "It is bzip2-compressed: unpack it first (bzip2 -dk FILE)"],
  [[0x04, 0x22, 0x4d, 0x18], 0, "It is lz4-compressed: unpack it first (lz4 -d FILE)"],
  [[0x02, 0x21, 0x4c, 0x18], 0, "It is lz4-compressed: unpack it first (lz4 -d FILE)"],
  // "HdrS": Documentation/arch/x86/boot.rst
  [
    [0x48, 0x64, 0x72, 0x53],
    0x202,
    "It is a compressed kernel image: unpack it first (scripts/extract-vmlinux in the kernel sources)",
  ],
  // "!<arch>": ar(5)
  [
    [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e],
    0,
    "It is a package: unpack it first (dpkg -x FILE DIR)",
  ],
];

/** Section that all modules have, and only modules: `MODULE_INFO` in include/linux/module.h. */
const MODULE_SECTION = ".gnu.linkonce.this_module";

/**
 * Reads a regular file, and uncompresses gzip.
 *
 * @throws {Failure} if it is too large, not a regular file, or damaged gzip
 */
export async function readBtfFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) throw new Failure("btf", "it is not a regular file");
  if (size > MAX_BTF_FILE_BYTES) throw new Failure("btf", "it is larger than 2 GiB");
  return await unpacked(await Deno.readFile(path));
}

/**
 * Uncompresses `bytes` if they are gzip; otherwise returns them.
 *
 * @param limit maximum uncompressed size
 * @throws {Failure} if they are damaged or too large
 */
export async function unpacked(
  bytes: Uint8Array<ArrayBuffer>,
  limit = MAX_BTF_FILE_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!holds(bytes, GZIP, 0)) return bytes;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    for await (const part of stream) {
      length += part.length;
      if (length > limit) break;
      parts.push(part);
    }
  } catch (cause) {
    throw new Failure("btf", "it is gzip-compressed and damaged", { cause });
  }
  if (length > limit) throw new Failure("btf", `uncompressed, it is larger than ${limit} bytes`);
  return await new Blob(parts).bytes();
}

/** Identifies a file that is neither BTF nor ELF; `null` if unknown. */
export function otherKind(bytes: Uint8Array): string | null {
  return OTHER_KINDS.find(([magic, at]) => holds(bytes, magic, at))?.[2] ?? null;
}

/** Whether this is the file of a kernel module. */
export function isModuleFile(bytes: Uint8Array): boolean {
  try {
    return isElf(bytes) && elfSection(bytes, MODULE_SECTION) !== undefined;
  } catch {
    return false;
  }
}

function holds(bytes: Uint8Array, magic: readonly number[], at: number): boolean {
  return magic.every((byte, index) => bytes[at + index] === byte);
}
