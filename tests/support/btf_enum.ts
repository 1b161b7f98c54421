/**
 * Values of enums in BTF, which vrft itself does not need.
 *
 * @module
 */

import { type Btf, KIND_ENUM } from "../../src/kernel/btf.ts";

/**
 * The names and values of the enum `name` (`struct btf_enum` in include/uapi/linux/btf.h).
 *
 * @param strings the string section of the BTF
 */
export function enumValues(btf: Btf, strings: Uint8Array, name: string): Record<string, number> {
  const { words, starts } = btf.index;
  const textAt = (offset: number): string =>
    new TextDecoder().decode(strings.subarray(offset, strings.indexOf(0, offset)));
  const values: Record<string, number> = {};
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== KIND_ENUM || btf.name(id) !== name) continue;
    const first = starts[id - btf.firstId]! + 3;
    for (let at = first; at < first + 2 * btf.count(id); at += 2) {
      values[textAt(words[at]!)] = words[at + 1]!;
    }
  }
  return values;
}
