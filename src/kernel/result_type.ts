/**
 * What functions return, from BTF, and how the value of the register with the result is written.
 *
 * @module
 */

import {
  type Btf,
  BtfError,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_INT,
  KIND_PTR,
  KIND_VOID,
} from "./btf.ts";
import type { ModuleBtf } from "./functions.ts";

/** The type of a result, as far as the value depends on it. */
export type ResultType =
  | { readonly kind: "void" | "bool" | "pointer" }
  | { readonly kind: "int"; readonly bits: number; readonly isSigned: boolean }
  | {
    readonly kind: "enum";
    readonly bits: number;
    readonly isSigned: boolean;
    /** Of its values. */
    readonly names: ReadonlyMap<bigint, string>;
  };

/** A function, as BTF knows it. */
interface NamedFunction {
  readonly name: string;
  readonly module: string;
}

/**
 * Result types of functions, in their order; `null` for structs, and where BTF has several functions of a
 * name with different results: it does not say which of them was compiled.
 */
export function resultTypes(
  modules: readonly ModuleBtf[],
  functions: readonly NamedFunction[],
): (ResultType | null)[] {
  const byModule = new Map<string, Map<string, ResultType | null>>();
  const wanted = Map.groupBy(functions, ({ module }) => module);
  for (const { module, btf } of modules) {
    const names = new Set((wanted.get(module) ?? []).map(({ name }) => name));
    if (names.size > 0) byModule.set(module, typesIn(btf.itself, names));
  }
  return functions.map(({ name, module }) => byModule.get(module)?.get(name) ?? null);
}

function typesIn(btf: Btf, names: ReadonlySet<string>): Map<string, ResultType | null> {
  const found = new Map<string, ResultType | null>();
  const ids = new Map<string, number>();
  for (const number of btf.index.functions) {
    const id = btf.firstId + number;
    const name = nameOf(btf, id);
    if (name === null || !names.has(name)) continue;
    const type = btf.resolve(btf.target(btf.target(id)));
    const other = ids.get(name);
    if (other === undefined) {
      ids.set(name, type);
      found.set(name, typeOf(btf, type));
    } else if (other !== type && !isSame(found.get(name) ?? null, typeOf(btf, type))) {
      found.set(name, null);
    }
  }
  return found;
}

function nameOf(btf: Btf, id: number): string | null {
  try {
    return btf.name(id);
  } catch (error) {
    if (error instanceof BtfError) return null;
    throw error;
  }
}

/** @param type resolved */
function typeOf(btf: Btf, type: number): ResultType | null {
  switch (btf.kind(type)) {
    case KIND_VOID:
      return { kind: "void" };
    case KIND_PTR:
      return { kind: "pointer" };
    case KIND_INT:
      if (btf.isBool(type)) return { kind: "bool" };
      return sized(btf, type, (size) => ({ kind: "int", ...size }));
    case KIND_ENUM:
    case KIND_ENUM64:
      return sized(btf, type, (size) => ({ kind: "enum", ...size, names: btf.valueNames(type) }));
    default:
      return null;
  }
}

function sized(
  btf: Btf,
  type: number,
  make: (size: { bits: number; isSigned: boolean }) => ResultType,
): ResultType | null {
  const bytes = btf.size(type);
  return bytes >= 1 && bytes <= 8 ? make({ bits: 8 * bytes, isSigned: btf.isSigned(type) }) : null;
}

function isSame(one: ResultType | null, other: ResultType | null): boolean {
  if (one === null || other === null || one.kind !== other.kind) return false;
  // Enums of two names may have the same numbers, and other names for them.
  if (one.kind === "enum") return false;
  if (one.kind !== "int" || other.kind !== "int") return true;
  return one.bits === other.bits && one.isSigned === other.isSigned;
}

/**
 * A result in words: `true`, `-12`, `FLOW_FORWARD`, `0xffff888100a3c700`, `NULL`.
 *
 * @param low halves of the register, signed or not; the bits that the type does not have mean nothing
 * @returns `null` for a function without a result
 */
export function resultWords(type: ResultType, low: number, high: number): string | null {
  switch (type.kind) {
    case "void":
      return null;
    case "bool":
      return (low & 0xff) === 0 ? "false" : "true";
    case "pointer": {
      const address = register(low, high);
      return address === 0n ? "NULL" : `0x${address.toString(16)}`;
    }
    default: {
      const all = register(low, high);
      const value = type.isSigned ? BigInt.asIntN(type.bits, all) : BigInt.asUintN(type.bits, all);
      return type.kind === "enum" ? type.names.get(value) ?? `${value}` : `${value}`;
    }
  }
}

function register(low: number, high: number): bigint {
  return BigInt(high >>> 0) << 32n | BigInt(low >>> 0);
}
