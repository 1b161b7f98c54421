/**
 * Whether BTF describes the running code. Standalone BTF has no build id, so its function names are
 * compared with those of the running code.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import { functionNames } from "../kernel/functions.ts";
import { findSymbols, moduleFunctions } from "../kernel/symbols.ts";

/** How well the functions in BTF and in the running code agree. */
export interface Agreement {
  /** Functions in the BTF. */
  readonly described: number;
  /** Those of them in the running code. */
  readonly running: number;
}

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
  const running = new Set(moduleFunctions(kallsyms, module).map(({ name }) => name));
  for (const name of running) if (!described.has(name)) count++;
  return count;
}
