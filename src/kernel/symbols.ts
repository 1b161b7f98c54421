/**
 * Looks names up in the kernel's two long lists of functions: /proc/kallsyms (some 160,000 lines) and
 * tracefs' available_filter_functions (some 43,000). They are scanned as bytes, and only lines with
 * a wanted name become objects.
 *
 * The work depends only on the size of the list and of the names: each byte of the list is read a few
 * times, whatever the lines are. Memory is needed for the names and the lines found.
 *
 * @module
 */

/** A line of one of the lists. */
export interface SymbolLine {
  /** The wanted name. */
  readonly name: string;
  /**
   * Suffix from the compiler, such as `.isra.0` or `.constprop.0`, for a clone of the wanted function;
   * empty for the function itself.
   */
  readonly suffix: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /** Address; 0 if the kernel hides it, or the list has none. */
  readonly address: bigint;
}

/** Module name of symbols outside modules. */
export const VMLINUX = "vmlinux";

const NEWLINE = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DOT = 0x2e;
const BRACKET_OPEN = 0x5b;

/** Four bytes at once: newlines, ones, and the highest bits. */
const NEWLINES = 0x0a0a0a0a;
const ONES = 0x01010101;
const SIGNS = 0x80808080;

/**
 * 32-bit FNV-1a, seeded differently in each run: the wanted names come from BTF and could be crafted to
 * share one hash.
 */
const HASH_SEED = Math.random() * 2 ** 32 | 0;
const HASH_PRIME = 0x01000193;

/**
 * The bytes of a name used by the filter: four from the second on. The first is less selective, and
 * later ones would exclude vrouter's shortest name, `vm_rx`.
 */
const SAMPLE_FROM = 1;
const SAMPLE_END = 5;
/** Bits of a sample's hash that select its slot in the filter. */
const FILTER_BITS = 13;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Finds functions in the contents of /proc/kallsyms: lines `address type name`, and a tab and
 * `[module]` for those of a module (`s_show()` in kernel/kallsyms.c). Types other than `t` and `w` in
 * either case are data. Other lines are skipped.
 *
 * @returns lines with wanted names, in the order of the list
 */
export function findSymbols(kallsyms: Uint8Array, names: Iterable<string>): readonly SymbolLine[] {
  // All addresses have the same width and are followed by " t ".
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
  return !modulesPlaces(kallsyms, module).next().done;
}

/** Symbols that the compiler and objtool generate next to functions. */
const NO_FUNCTION = /^__(pfx|cfi|probestub|traceiter)_/;

/**
 * The functions of one module, from the contents of /proc/kallsyms, without their cold parts (`.cold`),
 * which are entered by a jump.
 *
 * @returns lines in the order of the list; the name ends at the first dot
 */
export function moduleFunctions(kallsyms: Uint8Array, module: string): readonly SymbolLine[] {
  const lines: SymbolLine[] = [];
  const length = encoder.encode(`[${module}]`).length;
  for (const at of modulesPlaces(kallsyms, module)) {
    if (at + length < kallsyms.length && kallsyms[at + length] !== NEWLINE) continue;
    const start = kallsyms.lastIndexOf(NEWLINE, at) + 1;
    const line = decoder.decode(kallsyms.subarray(start, at));
    const [, digits, name, suffix] = /^([0-9a-f]{1,16}) [tTwW] ([^\s.]+)(\S*)\t$/.exec(line) ?? [];
    if (digits === undefined || name === undefined || suffix === undefined) continue;
    if (NO_FUNCTION.test(name) || suffix.includes(".cold")) continue;
    lines.push({ name, suffix, module, address: BigInt(`0x${digits}`) });
  }
  return lines;
}

/** Where the module's name stands in the lines that belong to it. */
function* modulesPlaces(kallsyms: Uint8Array, module: string): Generator<number, void, void> {
  const wanted = encoder.encode(`[${module}]`);
  for (let at = -1; (at = kallsyms.indexOf(BRACKET_OPEN, at + 1)) >= 0;) {
    if (equals(wanted, kallsyms, at, at + wanted.length)) yield at;
  }
}

/**
 * Scans each line with as little work as possible: most of the time is spent here, and on a slow machine
 * most of that before the loop is compiled. So it reads four bytes at a time, both for the filter, which
 * rejects most lines, and to search the end of the line.
 *
 * @param column of each line where the name starts
 */
function scan(bytes: Uint8Array, column: number, wanted: NameTable): SymbolLine[] {
  const lines: SymbolLine[] = [];
  const filter = wanted.filter;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  const whole = words.length;
  for (let at = 0; at < bytes.length;) {
    const from = at + column;
    const sampleAt = from + SAMPLE_FROM;
    let word = sampleAt >>> 2;
    let shift = (sampleAt & 3) << 3;
    const sample = ((words[word] as number) >>> shift) |
      (words[word + 1] as number) << (31 - shift) << 1;
    // The rest not covered by whole words is scanned anyway.
    if (filter[sampleHash(sample)] !== 0 || word + 2 > whole) {
      const line = readLine(bytes, at, from, wanted);
      if (line !== null) lines.push(line);
    }

    word = from >>> 2;
    shift = (from & 3) << 3;
    // A zero byte is a newline; bytes before the name are made nonzero.
    let rest = (words[word] as number) ^ NEWLINES | (1 << shift) - 1;
    let zeroes = (rest - ONES) & ~rest & SIGNS;
    while (zeroes === 0 && ++word < whole) {
      rest = (words[word] as number) ^ NEWLINES;
      zeroes = (rest - ONES) & ~rest & SIGNS;
    }
    if (zeroes === 0) {
      const end = bytes.indexOf(NEWLINE, Math.max(whole << 2, from));
      at = end < 0 ? bytes.length : end + 1;
    } else {
      // The lowest is exact: a borrow only affects those above it.
      at = (word << 2) + ((31 - Math.clz32(zeroes & -zeroes)) >>> 3) + 1;
    }
  }
  return lines;
}

/** Slot of four bytes in the filter. */
function sampleHash(sample: number): number {
  return Math.imul(sample, HASH_PRIME) >>> (32 - FILTER_BITS);
}

/** Reads the line at `at`, whose name starts at `from`; `null` if it is not wanted. */
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
  // The hash of the name, and of what precedes the first dot.
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

/** The module of the line whose name ends at `at`. */
function readModule(bytes: Uint8Array, at: number): string {
  if (bytes[at] !== TAB && bytes[at] !== SPACE) return VMLINUX;
  const end = bytes.indexOf(NEWLINE, at);
  const text = decoder.decode(bytes.subarray(at + 1, end < 0 ? bytes.length : end));
  return text.replace(/^\[(.*)\]$/, "$1");
}

/** Wanted names by hash: open addressing, at most half full. */
class NameTable {
  /** Nonzero at the {@linkcode sampleHash} of each wanted name. */
  readonly filter = new Uint8Array(1 << FILTER_BITS);
  readonly #slots: ({ readonly name: string; readonly bytes: Uint8Array } | undefined)[];
  readonly #hashes: Int32Array;

  constructor(names: Iterable<string>) {
    const distinct = [...new Set(names)];
    const size = 2 ** Math.ceil(Math.log2(2 * distinct.length + 2));
    this.#slots = new Array(size).fill(undefined);
    this.#hashes = new Int32Array(size);
    for (const name of distinct) {
      const bytes = encoder.encode(name);
      if (bytes.length < SAMPLE_END) {
        this.filter.fill(1);
      } else {
        const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(SAMPLE_FROM, SAMPLE_END);
        this.filter[sampleHash(a | b << 8 | c << 16 | d << 24)] = 1;
      }
      let hash = HASH_SEED;
      for (const byte of bytes) hash = Math.imul(hash ^ byte, HASH_PRIME);
      let slot = hash & (size - 1);
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = { name, bytes };
      this.#hashes[slot] = hash;
    }
  }

  /** The wanted name at `from` to `to` in `bytes`, whose hash is `hash`. */
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

/** An address; anything else counts as hidden. */
function hexadecimal(digits: Uint8Array): bigint {
  const text = decoder.decode(digits);
  return /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : 0n;
}
