/**
 * Compares the struct layouts of two BTFs. Standalone BTF contains the structs of the kernel it was built
 * for, which reveals other builds even if all functions have the same names.
 *
 * @module
 */

import { type Btf, KIND_STRUCT } from "../kernel/btf.ts";

/** How well the structs of two BTFs agree. */
export interface LayoutAgreement {
  /** Number of struct names in both. */
  readonly compared: number;
  /** Names of those whose size or members differ. */
  readonly different: readonly string[];
}

/**
 * Compares the structs of `btf` with those of `other`, each without its base. A name with several structs
 * agrees if any two of them do.
 *
 * @throws {BtfError} if either is damaged
 */
export function layoutAgreement(btf: Btf, other: Btf): LayoutAgreement {
  const known = structsByName(btf);
  const matched = new Map<string, boolean>();
  for (const id of structIds(other)) {
    const name = other.name(id);
    const own = known.get(name);
    if (own === undefined || matched.get(name) === true) continue;
    const layout = other.layout(id);
    matched.set(name, own.some((one) => btf.layout(one) === layout));
  }
  const different = [...matched].filter(([, same]) => !same).map(([name]) => name);
  return { compared: matched.size, different };
}

function structsByName(btf: Btf): Map<string, number[]> {
  const structs = new Map<string, number[]>();
  for (const id of structIds(btf)) {
    const name = btf.name(id);
    if (name === "") continue;
    const ids = structs.get(name);
    if (ids === undefined) structs.set(name, [id]);
    else ids.push(id);
  }
  return structs;
}

function* structIds(btf: Btf): Generator<number, void, void> {
  for (const number of btf.index.structs) {
    const id = btf.firstId + number;
    if (btf.kind(id) === KIND_STRUCT) yield id;
  }
}
