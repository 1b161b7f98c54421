/**
 * Whether split BTF fits its base. Its references are plain numbers: with the BTF of another kernel
 * build as base they lead to other types, and often all names still look right. Such modules exist in
 * the field: distributions keep them from one point release to the next, and the kernel loads them,
 * because it checks each type of a module, but not what it refers to (`btf_parse_module()` in
 * kernel/bpf/btf.c).
 *
 * @module
 */

import {
  type Btf,
  BtfError,
  COUNT_MASK,
  KIND_ARRAY,
  KIND_DATASEC,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FLOAT,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPEDEF,
  KIND_UNION,
  KIND_VAR,
  OTHER_KERNEL,
} from "./btf.ts";

const POINTER_BYTES = 8;

/** Maximum nesting of arrays, more than in any BTF. */
const MAX_DIMENSIONS = 16;

/**
 * Checks that each type refers to types valid for its kind, and that members lie within their struct:
 * the kernel's own rules for whole BTF (`btf_resolve()`). Does nothing for standalone BTF.
 *
 * Takes one step per word of the types.
 *
 * @throws {BtfError} if one does not
 */
export function requireFit(btf: Btf): void {
  if (btf.base === undefined) return;
  const { starts } = btf.index;
  try {
    for (let number = 0; number < starts.length; number++) {
      if (!fits(btf, btf.firstId + number, starts[number] as number)) {
        throw new BtfError(OTHER_KERNEL);
      }
    }
  } catch (cause) {
    if (!(cause instanceof BtfError)) throw cause;
    // References beyond the last type, and circular ones.
    throw new BtfError(OTHER_KERNEL, { cause });
  }
}

/** Kernel structs that change in nearly every release. */
const TELLING_STRUCTS = ["task_struct", "module", "mm_struct", "net_device", "sk_buff"];

/**
 * A struct that shows that standalone BTF of a module was built for another kernel: the first of a few
 * whose sizes differ.
 *
 * @returns `null` if there is none, and for split BTF
 */
export function otherKernelsStruct(btf: Btf, kernel: Btf): string | null {
  if (btf.base !== undefined) return null;
  const differs = TELLING_STRUCTS.find((name) => {
    const size = btf.structSize(name);
    const running = size === undefined ? undefined : kernel.structSize(name);
    return running !== undefined && size !== running;
  });
  return differs ?? null;
}

/** Whether all references of one of the BTF's own types are valid. */
function fits(btf: Btf, id: number, at: number): boolean {
  const { words } = btf.index;
  const target = words[at + 2] as number;
  const count = (words[at + 1] as number) & COUNT_MASK;
  switch (btf.kind(id)) {
    case KIND_INT:
    case KIND_ENUM:
    case KIND_ENUM64:
    case KIND_FLOAT:
    case KIND_FWD:
      return true;
    case KIND_STRUCT:
    case KIND_UNION:
      return membersFit(btf, id, at, count);
    case KIND_ARRAY:
      return sizeOf(btf, id) !== undefined &&
        btf.kind(btf.resolve(words[at + 4] as number)) === KIND_INT;
    case KIND_FUNC:
      return btf.kind(target) === KIND_FUNC_PROTO;
    case KIND_FUNC_PROTO:
      return (target === 0 || sizeOf(btf, target) !== undefined) &&
        parametersFit(btf, at, count);
    case KIND_VAR:
      return sizeOf(btf, target) !== undefined;
    case KIND_DATASEC:
      for (let index = 0; index < count; index++) {
        if (btf.kind(words[at + 3 + 3 * index] as number) !== KIND_VAR) return false;
      }
      return true;
    case KIND_DECL_TAG:
      return TAGGED.has(btf.kind(target));
    default:
      // Pointers, typedefs and modifiers.
      return !NO_TYPES.has(btf.kind(target));
  }
}

/** A named object that is not a type. */
const NO_TYPES: ReadonlySet<number> = new Set([
  KIND_FUNC,
  KIND_VAR,
  KIND_DATASEC,
  KIND_DECL_TAG,
]);

/** What a tag can apply to. */
const TAGGED: ReadonlySet<number> = new Set([
  KIND_STRUCT,
  KIND_UNION,
  KIND_FUNC,
  KIND_VAR,
  KIND_TYPEDEF,
]);

function parametersFit(btf: Btf, at: number, count: number): boolean {
  const { words } = btf.index;
  for (let index = 0; index < count; index++) {
    const type = words[at + 4 + 2 * index] as number;
    // The end of variable arguments.
    if (type === 0 && index === count - 1) continue;
    if (sizeOf(btf, type) === undefined) return false;
  }
  return true;
}

/** Whether all members have a size and lie within the struct. */
function membersFit(btf: Btf, id: number, at: number, count: number): boolean {
  const { words } = btf.index;
  const bits = 8 * btf.size(id);
  const wide = btf.flag(id);
  for (let index = 0; index < count; index++) {
    const member = at + 3 + 3 * index;
    const size = sizeOf(btf, words[member + 1] as number);
    if (size === undefined) return false;
    const offset = words[member + 2] as number;
    // With kind_flag the upper 8 bits are the width of a bit field.
    const width = wide ? offset >>> 24 : 0;
    const from = wide ? offset & 0xffffff : offset;
    if (from + (width === 0 ? 8 * size : width) > bits) return false;
  }
  return true;
}

/** Size of a value of the type; `undefined` if it has no values. */
function sizeOf(btf: Btf, id: number): number | undefined {
  let type = id;
  let elements = 1;
  for (let dimension = 0; dimension < MAX_DIMENSIONS; dimension++) {
    type = btf.resolve(type);
    switch (btf.kind(type)) {
      case KIND_INT:
      case KIND_ENUM:
      case KIND_ENUM64:
      case KIND_FLOAT:
      case KIND_STRUCT:
      case KIND_UNION:
        return elements * btf.size(type);
      case KIND_PTR:
        return elements * POINTER_BYTES;
      case KIND_ARRAY:
        elements *= btf.elements(type);
        type = btf.element(type);
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}
