/**
 * Whether split BTF fits the BTF that it continues. Its references are plain numbers: over the BTF of
 * another build of the kernel they lead to other types, and often enough every name still looks right.
 * Such modules are in the field: distributions take them over from one point release to the next, and
 * the kernel loads them, for it looks at each type of a module, and not at what a type leads to
 * (`btf_parse_module()` in kernel/bpf/btf.c).
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

/** How deep arrays of arrays may be: more than any BTF has. */
const MAX_DIMENSIONS = 16;

/**
 * Checks that each type leads to what its kind can lead to, and that members lie within their struct:
 * the rules of the kernel's own check of whole BTF (`btf_resolve()`). Does nothing for BTF that stands
 * alone.
 *
 * Takes a step for each word of the types.
 *
 * @throws {BtfError} when one does not
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
    // References beyond the last type, and those that lead back to where they come from.
    throw new BtfError(OTHER_KERNEL, { cause });
  }
}

/** Whether all references of one of the BTF's own types lead to what they can. */
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

/** What stands for a thing with a name, and for no type. */
const NO_TYPES: ReadonlySet<number> = new Set([
  KIND_FUNC,
  KIND_VAR,
  KIND_DATASEC,
  KIND_DECL_TAG,
]);

/** What a tag can be put on. */
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
    // The end of a variable list.
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

/** Bytes of a value of the type; `undefined` for what has no values. */
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
