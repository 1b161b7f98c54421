/**
 * Makes a shared library load without another one that it names, for functions that are never called:
 * the copy of libpcap that vrft embeds would bring libdbus and, with that, libsystemd.
 *
 * Usage: deno run --allow-read --allow-write scripts/cut_dependency.ts FILE SONAME
 *
 * Changes FILE: its DT_NEEDED entry of SONAME and the versions that it needs of it are taken out, and
 * the functions with these versions become weak, so that they are NULL rather than an error.
 *
 * Format: elf(5) and the Linux Standard Base's "Symbol Versioning"; 64-bit little-endian only.
 *
 * @module
 */

/** Offset and size of a section of the file, from its header. */
interface Section {
  readonly header: number;
  readonly at: number;
  readonly bytes: number;
  readonly type: number;
}

const SECTION_HEADER_BYTES = 64;
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;

const DYNAMIC_BYTES = 16;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_VERNEED = 0x6ffffffen;
const DT_VERNEEDNUM = 0x6fffffffn;

const SYMBOL_BYTES = 24;
const STB_WEAK = 2;

/** `VER_NDX_GLOBAL`: a symbol without version. */
const UNVERSIONED = 1;

/**
 * Takes a dependency out of a shared library, in place.
 *
 * @param file the ELF file
 * @param soname the library it must not need any more: `libdbus-1.so.3`
 * @returns the functions that have become weak
 * @throws if `file` does not need it, or no other library with versions
 */
export function cutDependency(file: Uint8Array<ArrayBuffer>, soname: string): string[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const all = sections(view);
  const find = (type: number): Section => {
    const found = all.find((one) => one.type === type);
    if (found === undefined) throw new Error(`No section of type ${type}`);
    return found;
  };
  const dynamic = find(SHT_DYNAMIC);
  const symbols = find(SHT_DYNSYM);
  const needs = find(SHT_GNU_VERNEED);
  const versions = find(SHT_GNU_VERSYM);
  // The names of both are in .dynstr.
  const names = all[view.getUint32(symbols.header + 40, true)]!;
  const nameAt = (offset: number): string => {
    const from = names.at + offset;
    return new TextDecoder().decode(file.subarray(from, file.indexOf(0, from)));
  };

  removeNeeded(view, dynamic, (name) => nameAt(name) === soname);
  const removed = removeVersions(view, dynamic, needs, (name) => nameAt(name) === soname);
  const weak: string[] = [];
  for (let at = symbols.at, i = 0; at < symbols.at + symbols.bytes; at += SYMBOL_BYTES, i++) {
    const version = versions.at + 2 * i;
    if (!removed.includes(view.getUint16(version, true))) continue;
    view.setUint16(version, UNVERSIONED, true);
    view.setUint8(at + 4, STB_WEAK << 4 | view.getUint8(at + 4) & 0xf);
    weak.push(nameAt(view.getUint32(at, true)));
  }
  return weak;
}

function sections(view: DataView): Section[] {
  const table = Number(view.getBigUint64(40, true));
  return Array.from({ length: view.getUint16(60, true) }, (_, index) => {
    const header = table + index * SECTION_HEADER_BYTES;
    return {
      header,
      type: view.getUint32(header + 4, true),
      at: Number(view.getBigUint64(header + 24, true)),
      bytes: Number(view.getBigUint64(header + 32, true)),
    };
  });
}

/** Removes the DT_NEEDED entry, moving up those after it. */
function removeNeeded(
  view: DataView,
  { at, bytes }: Section,
  matches: (name: number) => boolean,
): void {
  let to = at;
  for (let from = at; from < at + bytes; from += DYNAMIC_BYTES) {
    const tag = view.getBigUint64(from, true);
    const value = view.getBigUint64(from + 8, true);
    if (tag === DT_NEEDED && matches(Number(value))) continue;
    view.setBigUint64(to, tag, true);
    view.setBigUint64(to + 8, value, true);
    to += DYNAMIC_BYTES;
  }
  if (to === at + bytes) throw new Error("No such dependency");
  for (; to < at + bytes; to += DYNAMIC_BYTES) view.setBigUint64(to, DT_NULL, true);
}

/** Unlinks the versions needed of the library from their list, and returns their numbers. */
function removeVersions(
  view: DataView,
  dynamic: Section,
  needs: Section,
  matches: (name: number) => boolean,
): number[] {
  const removed: number[] = [];
  for (let at = needs.at, previous = 0, next = 0;; previous = at, at += next) {
    next = view.getUint32(at + 12, true);
    if (matches(view.getUint32(at + 4, true))) {
      if (previous !== 0) {
        view.setUint32(previous + 12, next === 0 ? 0 : at + next - previous, true);
      } else if (next !== 0) {
        startLater(view, dynamic, needs, next);
      } else {
        throw new Error("It needs no versions of another library");
      }
      let version = at + view.getUint32(at + 8, true);
      for (let left = view.getUint16(at + 2, true); left > 0; left--) {
        removed.push(view.getUint16(version + 6, true));
        version += view.getUint32(version + 12, true);
      }
      break;
    }
    if (next === 0) return [];
  }
  view.setUint32(needs.header + 44, view.getUint32(needs.header + 44, true) - 1, true);
  add(view, dynamic, DT_VERNEEDNUM, -1);
  return removed;
}

/** Lets the list of versions start that many bytes later. */
function startLater(view: DataView, dynamic: Section, { header }: Section, bytes: number): void {
  add(view, dynamic, DT_VERNEED, bytes);
  const shift = BigInt(bytes);
  // Address, offset, size.
  for (const [field, change] of [[16, shift], [24, shift], [32, -shift]] as const) {
    view.setBigUint64(header + field, view.getBigUint64(header + field, true) + change, true);
  }
}

/** Adds to the value of a dynamic entry. */
function add(view: DataView, dynamic: Section, tag: bigint, change: number): void {
  for (let at = dynamic.at; at < dynamic.at + dynamic.bytes; at += DYNAMIC_BYTES) {
    if (view.getBigUint64(at, true) !== tag) continue;
    view.setBigUint64(at + 8, view.getBigUint64(at + 8, true) + BigInt(change), true);
  }
}

if (import.meta.main) {
  const [path, soname] = Deno.args as [string, string];
  const file = Deno.readFileSync(path);
  cutDependency(file, soname);
  Deno.writeFileSync(path, file);
}
