/**
 * What a recording has instead of the kernel's own files, in the form in which it is read there.
 *
 * @module
 */

import type { Btf } from "../kernel/btf.ts";
import type { EnumNames, RecordedSymbol } from "./sections.ts";

/** The enums of a recording, in the place of BTF. */
export class RecordedEnums implements Pick<Btf, "enumNames"> {
  readonly #enums: readonly ReadonlyMap<number, string>[];

  constructor(enums: readonly EnumNames[]) {
    this.#enums = enums.map((names) => new Map(names));
  }

  /** The names of the enum with `member`, by value. */
  enumNames(member: string): ReadonlyMap<number, string> | undefined {
    return this.#enums.find((names) => names.values().some((name) => name === member));
  }
}

/** The symbols of a recording, as /proc/kallsyms has them. */
export function kallsymsOf(symbols: readonly RecordedSymbol[]): Uint8Array {
  const lines = symbols.map(([address, name]) => {
    return `${address.toString(16).padStart(16, "0")} t ${name}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}
