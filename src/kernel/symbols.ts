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

/** Module name of what belongs to no module. */
export const VMLINUX = "vmlinux";

const NEWLINE = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DOT = 0x2e;
const BRACKET_OPEN = 0x5b;

/** FNV-1a of 32 bits. */
const HASH_SEED = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

/** Bits of the hash of a name's start that choose its place in the filter. */
const FILTER_BITS = 13;
/** More of a name's start than this makes the filter no better. */
const MAX_START_BYTES = 8;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Finds functions in the contents of /proc/kallsyms: lines `address type name`, and a tab and
 * `[module]` for those of a module (`s_show()` in kernel/kallsyms.c). Types other than `t` and `w` in
 * either case are data. Lines of another form are passed over.
 *
 * @returns lines with wanted names, in the order of the list
 */
export function findSymbols(kallsyms: Uint8Array, names: Iterable<string>): readonly SymbolLine[] {
  // All addresses have the same width, and " t " stands behind them.
  return scan(kallsyms, kallsyms.indexOf(SPACE) + 3, new NameTable(names));
}

/**
 * Finds functions in the contents of available_filter_functions: lines `name`, and a blank and
 * `[module]` for those of a module (`t_show()` in kernel/trace/ftrace.c). Addresses are 0.
 *
 * @returns lines with wanted names, in the order of the list
 */
export function findTraceable(
  filterFunctions: Uint8Array,
  names: Iterable<string>,
): readonly SymbolLine[] {
  return scan(filterFunctions, 0, new NameTable(names));
}

/** Whether any line of kallsyms belongs to `module`. */
export function listsModule(kallsyms: Uint8Array, module: string): boolean {
  const wanted = encoder.encode(`[${module}]`);
  for (let at = -1; (at = kallsyms.indexOf(BRACKET_OPEN, at + 1)) >= 0;) {
    if (equals(wanted, kallsyms, at, at + wanted.length)) return true;
  }
  return false;
}

/**
 * Looks at each line, as little as possible: most of the time goes here, and on a slow machine most of
 * that before the loop is compiled. So a filter by the start of the name turns most lines down, and
 * the end of a line is looked for four bytes at a time.
 *
 * @param column where in each line the name starts
 */
function scan(bytes: Uint8Array, column: number, wanted: NameTable): SymbolLine[] {
  const lines: SymbolLine[] = [];
  const { filter, startBytes } = wanted;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  const length = bytes.length;
  for (let at = 0; at < length;) {
    let end = at + column;
    let hash = HASH_SEED;
    for (let i = 0; i < startBytes; i++) {
      hash = Math.imul(hash ^ (bytes[end + i] as number), HASH_PRIME);
    }
    if (filter[hash >>> (32 - FILTER_BITS)] !== 0) {
      const line = readLine(bytes, at, at + column, wanted);
      if (line !== null) lines.push(line);
    }

    while ((end & 3) !== 0 && bytes[end] !== NEWLINE) end++;
    if ((end & 3) === 0) {
      let word = end >>> 2;
      // Whether one of four bytes is a newline: zero after the exclusive or, which borrows.
      for (let rest = 0; word < words.length; word++) {
        rest = (words[word] as number) ^ 0x0a0a0a0a;
        if (((rest - 0x01010101) & ~rest & 0x80808080) !== 0) break;
      }
      end = word << 2;
      while (end < length && bytes[end] !== NEWLINE) end++;
    }
    at = end + 1;
  }
  return lines;
}

/** Reads the line from `at`, whose name starts at `from`; `null` when it is not wanted. */
function readLine(
  bytes: Uint8Array,
  at: number,
  from: number,
  wanted: NameTable,
): SymbolLine | null {
  const addressed = from > at;
  if (addressed && !(bytes[from - 3] === SPACE && isTextType(bytes[from - 2] as number))) {
    return null;
  }
  // The name's hash, and the hash of what stands before the first dot.
  let hash = HASH_SEED;
  let dotHash = 0;
  let dot = -1;
  let end = from;
  for (; end < bytes.length; end++) {
    const byte = bytes[end] as number;
    if (byte <= SPACE) break;
    if (byte === DOT && dot < 0) {
      dot = end;
      dotHash = hash;
    }
    hash = Math.imul(hash ^ byte, HASH_PRIME);
  }
  let name = wanted.find(bytes, from, end, hash);
  let suffixAt = end;
  if (name === undefined && dot >= 0) {
    name = wanted.find(bytes, from, dot, dotHash);
    suffixAt = dot;
  }
  if (name === undefined) return null;
  return {
    name,
    suffix: decoder.decode(bytes.subarray(suffixAt, end)),
    module: readModule(bytes, end),
    address: addressed ? hexadecimal(bytes.subarray(at, from - 3)) : 0n,
  };
}

/** The module that a line belongs to whose name ends at `at`. */
function readModule(bytes: Uint8Array, at: number): string {
  if (bytes[at] !== TAB && bytes[at] !== SPACE) return VMLINUX;
  const end = bytes.indexOf(NEWLINE, at);
  const text = decoder.decode(bytes.subarray(at + 1, end < 0 ? bytes.length : end));
  return text.replace(/^\[(.*)\]$/, "$1");
}

/** Wanted names by the hash of their bytes: open addressing, at most half full. */
class NameTable {
  /** How many bytes the shortest name has, which all others have too; limited. */
  readonly startBytes: number;
  /** Not zero where the hash of the first {@linkcode startBytes} of a wanted name points. */
  readonly filter = new Uint8Array(1 << FILTER_BITS);
  readonly #slots: ({ readonly name: string; readonly bytes: Uint8Array } | undefined)[];
  readonly #hashes: Int32Array;

  constructor(names: Iterable<string>) {
    const distinct = [...new Set(names)];
    const size = 2 ** Math.ceil(Math.log2(2 * distinct.length + 2));
    this.#slots = new Array(size).fill(undefined);
    this.#hashes = new Int32Array(size);
    this.startBytes = distinct.reduce(
      (least, { length }) => Math.min(least, length),
      MAX_START_BYTES,
    );
    for (const name of distinct) {
      const bytes = encoder.encode(name);
      let hash = HASH_SEED;
      for (let i = 0; i < bytes.length; i++) {
        if (i === this.startBytes) this.filter[hash >>> (32 - FILTER_BITS)] = 1;
        hash = Math.imul(hash ^ (bytes[i] as number), HASH_PRIME);
      }
      if (bytes.length === this.startBytes) this.filter[hash >>> (32 - FILTER_BITS)] = 1;
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
