/**
 * Whether BTF describes the running code. Standalone BTF has no build id, so its function names are
 * compared with those of the running code.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { findSymbols } from "../kernel/symbols.ts";

/** How well the functions in BTF and in the running code agree. */
export interface Agreement {
  /** Functions in the BTF. */
  readonly described: number;
  /** Those of them in the running code. */
  readonly running: number;
}

const NEWLINE = 0x0a;
const BRACKET_OPEN = 0x5b;

/** Symbols that the compiler and objtool generate next to functions. */
const NO_FUNCTION = /^__(pfx|cfi|probestub|traceiter)_/;

/**
 * Looks up the functions of `btf`, not of its base, among the symbols of `module`. Clones (`.isra.0`)
 * count as running.
 *
 * @param kallsyms contents of /proc/kallsyms; hidden addresses do not matter
 * @param module `vmlinux`, or the name of a module
 * @throws {BtfError} if the BTF is damaged
 */
export function agreement(btf: Btf, kallsyms: Uint8Array, module: string): Agreement {
  const described = functionNames(btf);
  const running = new Set<string>();
  for (const symbol of findSymbols(kallsyms, described)) {
    if (symbol.module === module) running.add(symbol.name);
  }
  return { described: described.size, running: running.size };
}

/**
 * Counts functions of a loaded module that `btf` does not describe.
 *
 * @param kallsyms contents of /proc/kallsyms; hidden addresses do not matter
 * @throws {BtfError} if the BTF is damaged
 */
export function undescribed(btf: Btf, kallsyms: Uint8Array, module: string): number {
  const described = functionNames(btf);
  let count = 0;
  for (const name of moduleFunctions(kallsyms, module)) if (!described.has(name)) count++;
  return count;
}

/** Names of the functions of `btf`, not of its base. */
function functionNames(btf: Btf): Set<string> {
  return new Set(Array.from(btf.index.functions, (number) => btf.name(btf.firstId + number)));
}

/** Names of a module's functions, without suffixes from the compiler. */
function moduleFunctions(kallsyms: Uint8Array, module: string): Set<string> {
  const decoder = new TextDecoder();
  const names = new Set<string>();
  // Only symbols of modules have a bracket.
  for (let at = kallsyms.indexOf(BRACKET_OPEN); at >= 0;) {
    const start = kallsyms.lastIndexOf(NEWLINE, at) + 1;
    const newline = kallsyms.indexOf(NEWLINE, at);
    const end = newline < 0 ? kallsyms.length : newline;
    const line = decoder.decode(kallsyms.subarray(start, end));
    const [, name, owner] = /^[0-9a-f]+ [tTwW] ([^\s.]+)\S*\t\[(.*)\]$/.exec(line) ?? [];
    if (name !== undefined && owner === module && !NO_FUNCTION.test(name)) names.add(name);
    at = kallsyms.indexOf(BRACKET_OPEN, end);
  }
  return names;
}
