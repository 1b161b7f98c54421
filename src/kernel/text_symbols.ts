/**
 * Where functions of the kernel and its modules start and end: the text symbols of /proc/kallsyms, by
 * address.
 *
 * On x86-64 all of that text lies in the upper 2 GiB of the address space (`__START_KERNEL_map` and
 * the module area, Documentation/arch/x86/x86_64/mm.rst), so only the low 32 bits of addresses are stored.
 *
 * @module
 */

/** Added to the low 32 bits of a text address. */
export const TEXT_BASE = 0xffffffff00000000n;

const NEWLINE = 0x0a;
const LINE_BITS = 2 ** 21;
/** Length of a line's `ffffffff81000000 t `. */
const NAME_AT = 19;

/** Text symbols in the order of their addresses. */
export class TextSymbols {
  readonly #bytes: Uint8Array;
  /** Low 32 bits of the address, times 2^21, plus the number of the symbol in #lines; sorted. */
  readonly #keys: Float64Array;
  /** Offset of each symbol's line. */
  readonly #lines: Uint32Array;

  /** @param kallsyms contents of /proc/kallsyms with visible addresses */
  constructor(kallsyms: Uint8Array) {
    const lines: number[] = [];
    const keys: number[] = [];
    for (let at = 0; at < kallsyms.length;) {
      const newline = kallsyms.indexOf(NEWLINE, at);
      const end = newline < 0 ? kallsyms.length : newline;
      const low = end - at > NAME_AT ? textAddress(kallsyms, at) : 0;
      if (low > 0 && lines.length < LINE_BITS) {
        keys.push(low * LINE_BITS + lines.length);
        lines.push(at);
      }
      at = end + 1;
    }
    this.#bytes = kallsyms;
    this.#lines = Uint32Array.from(lines);
    this.#keys = Float64Array.from(keys).sort();
  }

  /** Address of the first symbol above `low`, the latest possible end of a function at `low`. */
  after(low: number): number | undefined {
    const key = this.#keys[this.#firstAbove(low)];
    return key === undefined ? undefined : Math.floor(key / LINE_BITS);
  }

  /** The symbol that contains `low`: the last one at or below it. */
  containing(low: number): { readonly name: string; readonly start: number } | undefined {
    const key = this.#keys[this.#firstAbove(low) - 1];
    if (key === undefined) return undefined;
    const start = Math.floor(key / LINE_BITS);
    return { name: this.#name(this.#lines[key % LINE_BITS]!), start };
  }

  /** Index of the first key whose address is above `low`. */
  #firstAbove(low: number): number {
    const limit = (low + 1) * LINE_BITS;
    let from = 0;
    let to = this.#keys.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#keys[middle]! < limit) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #name(line: number): string {
    let end = line + NAME_AT;
    while (end < this.#bytes.length && this.#bytes[end]! > 0x20) end++;
    return new TextDecoder().decode(this.#bytes.subarray(line + NAME_AT, end));
  }
}

/** The files that the running kernel's symbols come from. */
export interface TextSymbolPaths {
  readonly kallsyms: string;
  /** The modules, with their addresses. */
  readonly modules: string;
}

/** The places of a running system. */
const SYSTEM_PATHS: TextSymbolPaths = { kallsyms: "/proc/kallsyms", modules: "/proc/modules" };

let read: { readonly key: string; readonly symbols: TextSymbols } | undefined;

/**
 * The text symbols of the running kernel. They are asked for when probes are tried out and again when they
 * are attached, and are read again only if a module has come or gone.
 *
 * @throws {Error} Deno's, if they cannot be read
 */
export function runningTextSymbols(paths: TextSymbolPaths = SYSTEM_PATHS): TextSymbols {
  // Before the symbols: what comes meanwhile is then noticed the next time.
  const key = JSON.stringify([paths, placesOf(Deno.readTextFileSync(paths.modules))]);
  if (read?.key !== key) {
    read = { key, symbols: new TextSymbols(Deno.readFileSync(paths.kallsyms)) };
  }
  return read.symbols;
}

/** Name and address of each module: its line also has how many use it (`m_show()` in kernel/module/procfs.c). */
function placesOf(modules: string): string[] {
  return modules.split("\n").map((line) => {
    const fields = line.split(" ");
    return `${fields[0]} ${fields[5]}`;
  });
}

/** Low 32 bits of the address of the line at `at`; 0 for anything but text of the upper 4 GiB. */
function textAddress(bytes: Uint8Array, at: number): number {
  for (let digit = 0; digit < 8; digit++) {
    if (bytes[at + digit] !== 0x66 /* f */) return 0;
  }
  const type = bytes[at + 17]! | 0x20;
  if (type !== 0x74 /* t */ && type !== 0x77 /* w */) return 0;
  let low = 0;
  for (let digit = 8; digit < 16; digit++) {
    const byte = bytes[at + digit]!;
    low = low * 16 + (byte <= 0x39 ? byte - 0x30 : byte - 0x61 + 10);
  }
  return low;
}
