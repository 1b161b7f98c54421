/**
 * Looks names up in the kernel's two long lists of functions: /proc/kallsyms (some 160,000 lines) and
 * tracefs' available_filter_functions (some 43,000). They are read as bytes, and only lines with a
 * wanted name become objects.
 *
 * @module
 */

/** A line of one of the lists. */
export interface SymbolLine {
  /** The wanted name. */
  readonly name: string;
  /**
   * What the compiler appended to it, such as `.isra.0` or `.constprop.0`, for a function that it
   * made from the wanted one; empty for the function itself.
   */
  readonly suffix: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /** Address; 0 where the kernel hides it, and where the list has none. */
  readonly address: bigint;
}

/** What {@linkcode findSymbols} finds. */
export interface SymbolLines {
  /** Lines with wanted names, in the order of the list. */
  readonly lines: readonly SymbolLine[];
  /** All modules that any line belongs to, without `vmlinux`. */
  readonly modules: ReadonlySet<string>;
}

/** Module name of what belongs to no module. */
export const VMLINUX = "vmlinux";

const NEWLINE = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DOT = 0x2e;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

/** FNV-1a of 32 bits. */
const HASH_SEED = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

const decoder = new TextDecoder();

/**
 * Finds functions in the contents of /proc/kallsyms: lines `address type name`, and a tab and
 * `[module]` for those of a module (`s_show()` in kernel/kallsyms.c). Types other than `t` and `w` in
 * either case are data. Lines of another form are passed over.
 */
export function findSymbols(kallsyms: Uint8Array, names: Iterable<string>): SymbolLines {
  return scan(kallsyms, names, true);
}

/**
 * Finds functions in the contents of available_filter_functions: lines `name`, and a blank and
 * `[module]` for those of a module (`t_show()` in kernel/trace/ftrace.c). Addresses are 0.
 */
export function findTraceable(
  filterFunctions: Uint8Array,
  names: Iterable<string>,
): readonly SymbolLine[] {
  return scan(filterFunctions, names, false).lines;
}

function scan(bytes: Uint8Array, names: Iterable<string>, addressed: boolean): SymbolLines {
  const wanted = new NameTable(names);
  const modules = new ModuleNames(bytes);
  const lines: SymbolLine[] = [];
  const width = bytes.indexOf(SPACE);
  for (let at = 0, end = 0; at < bytes.length; at = end + 1) {
    let from = at;
    if (addressed) {
      // All addresses have the same width. Behind it stands " t ".
      from += width;
      if (bytes[from] !== SPACE || !isTextType(bytes[from + 1] as number)) {
        end = bytes.indexOf(NEWLINE, at);
        if (end < 0) break;
        continue;
      }
      from += 3;
    }

    // One pass over the name: its hash, and the hash of what stands before the first dot.
    let hash = HASH_SEED;
    let dotHash = 0;
    let dot = -1;
    let byte = 0;
    for (end = from; end < bytes.length; end++) {
      byte = bytes[end] as number;
      if (byte <= SPACE) break;
      if (byte === DOT && dot < 0) [dot, dotHash] = [end, hash];
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    const nameEnd = end;
    let module = VMLINUX;
    if (end < bytes.length && (byte === TAB || byte === SPACE)) {
      end = bytes.indexOf(NEWLINE, end);
      if (end < 0) end = bytes.length;
      module = modules.name(nameEnd + 1, end);
    }

    let name = wanted.find(bytes, from, nameEnd, hash);
    let suffixAt = nameEnd;
    if (name === undefined && dot >= 0) {
      name = wanted.find(bytes, from, dot, dotHash);
      suffixAt = dot;
    }
    if (name === undefined) continue;
    const suffix = decoder.decode(bytes.subarray(suffixAt, nameEnd));
    const address = addressed ? hexadecimal(bytes.subarray(at, from - 3)) : 0n;
    lines.push({ name, suffix, module, address });
  }
  return { lines, modules: modules.seen };
}

/** Wanted names by the hash of their bytes: open addressing, at most half full. */
class NameTable {
  readonly #slots: ({ readonly name: string; readonly bytes: Uint8Array } | undefined)[];
  readonly #hashes: Int32Array;

  constructor(names: Iterable<string>) {
    const distinct = [...new Set(names)];
    const size = 2 ** Math.ceil(Math.log2(2 * distinct.length + 2));
    this.#slots = new Array(size).fill(undefined);
    this.#hashes = new Int32Array(size);
    const encoder = new TextEncoder();
    for (const name of distinct) {
      const bytes = encoder.encode(name);
      const hash = bytes.reduce((sum, byte) => Math.imul(sum ^ byte, HASH_PRIME), HASH_SEED);
      let slot = hash & (size - 1);
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = { name, bytes };
      this.#hashes[slot] = hash;
    }
  }

  /** The wanted name that stands at `from` to `to` in `bytes`, whose hash is `hash`. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): string | undefined {
    const mask = this.#hashes.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === undefined) return undefined;
      if (this.#hashes[slot] === hash && equals(entry.bytes, bytes, from, to)) return entry.name;
    }
  }
}

/** Names of modules in brackets: those of neighbouring lines are the same, so the last is kept. */
class ModuleNames {
  readonly seen = new Set<string>();
  readonly #bytes: Uint8Array;
  #last = "";
  #lastBytes: Uint8Array = new Uint8Array();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The name in the brackets at `from` to `to`; what has no brackets is taken as it is. */
  name(from: number, to: number): string {
    if (this.#bytes[from] === BRACKET_OPEN && this.#bytes[to - 1] === BRACKET_CLOSE) {
      from++;
      to--;
    }
    if (!equals(this.#lastBytes, this.#bytes, from, to)) {
      this.#lastBytes = this.#bytes.subarray(from, to);
      this.#last = decoder.decode(this.#lastBytes);
      this.seen.add(this.#last);
    }
    return this.#last;
  }
}

function equals(expected: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (expected.length !== to - from) return false;
  for (let i = 0; i < expected.length; i++) {
    if (expected[i] !== bytes[from + i]) return false;
  }
  return true;
}

/** `t`, `T`, `w` and `W` of nm(1): code. */
function isTextType(byte: number): boolean {
  const lower = byte | 0x20;
  return lower === 0x74 || lower === 0x77;
}

/** An address; what is none counts as hidden. */
function hexadecimal(digits: Uint8Array): bigint {
  const text = decoder.decode(digits);
  return /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : 0n;
}
