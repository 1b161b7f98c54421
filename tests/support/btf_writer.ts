/**
 * Writes BTF (include/uapi/linux/btf.h), type by type, and wraps it into ELF files.
 *
 * @module
 */

/** A member of a struct or union: name, type, and its offset in bits. */
export type Member = readonly [name: string, type: number, bits: number];

/** A parameter of a prototype: name and type. */
export type Parameter = readonly [name: string, type: number];

/** Standalone BTF, or split BTF based on `base`. Methods that add a type return its id. */
export class BtfWriter {
  readonly #words: number[] = [];
  readonly #strings: number[] = [];
  readonly #stringOffsets = new Map<string, number>();
  readonly #base: BtfWriter | undefined;
  #nextId: number;

  constructor(base?: BtfWriter) {
    this.#base = base;
    this.#nextId = base === undefined ? 1 : base.#nextId;
    if (base === undefined) this.string("");
  }

  /** Offset of a string, which is added if it is new. */
  string(text: string): number {
    const known = this.#base?.stringOffset(text) ?? this.#stringOffsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#stringsEnd;
    this.#strings.push(...new TextEncoder().encode(text), 0);
    this.#stringOffsets.set(text, offset);
    return offset;
  }

  /** Offset of an existing string. */
  stringOffset(text: string): number | undefined {
    return this.#base?.stringOffset(text) ?? this.#stringOffsets.get(text);
  }

  get #stringsEnd(): number {
    return (this.#base === undefined ? 0 : this.#base.#stringsEnd) + this.#strings.length;
  }

  /** Adds any type; `extra` are the words after the first three. */
  add(
    name: string,
    kind: number,
    sizeOrType: number,
    { count = 0, flag = false, extra = [] as readonly number[] } = {},
  ): number {
    const info = (kind << 24 | count | (flag ? 1 << 31 : 0)) >>> 0;
    this.#words.push(this.string(name), info, sizeOrType);
    for (const word of extra) this.#words.push(word);
    return this.#nextId++;
  }

  int(name: string, bytes: number, isSigned = false): number {
    return this.add(name, 1, bytes, { extra: [8 * bytes | (isSigned ? 1 << 24 : 0)] });
  }

  pointer(type: number): number {
    return this.add("", 2, type);
  }

  /** @param index type of the index */
  array(type: number, length: number, index: number = type): number {
    return this.add("", 3, 0, { extra: [type, index, length] });
  }

  /** @param bitFields whether the upper 8 bits of an offset are the width of a bit field */
  struct(name: string, bytes: number, members: readonly Member[] = [], bitFields = false): number {
    return this.#compound(4, name, bytes, members, bitFields);
  }

  union(name: string, bytes: number, members: readonly Member[] = []): number {
    return this.#compound(5, name, bytes, members, false);
  }

  #compound(
    kind: number,
    name: string,
    bytes: number,
    members: readonly Member[],
    flag: boolean,
  ): number {
    const extra = members.flatMap(([member, type, bits]) => [this.string(member), type, bits]);
    return this.add(name, kind, bytes, { count: members.length, flag, extra });
  }

  enum(name: string, values: Record<string, number>): number {
    const extra = Object.entries(values).flatMap(([key, value]) => [this.string(key), value]);
    return this.add(name, 6, 4, { count: extra.length / 2, extra });
  }

  forward(name: string, { union = false } = {}): number {
    return this.add(name, 7, 0, { flag: union });
  }

  typedef(name: string, type: number): number {
    return this.add(name, 8, type);
  }

  volatile(type: number): number {
    return this.add("", 9, type);
  }

  const(type: number): number {
    return this.add("", 10, type);
  }

  restrict(type: number): number {
    return this.add("", 11, type);
  }

  /** A function and its prototype. @returns the id of the function */
  func(name: string, parameters: readonly Parameter[], returns = 0): number {
    return this.add(name, 12, this.prototype(parameters, returns));
  }

  prototype(parameters: readonly Parameter[], returns = 0): number {
    const extra = parameters.flatMap(([name, type]) => [this.string(name), type]);
    return this.add("", 13, returns, { count: parameters.length, extra });
  }

  variable(name: string, type: number): number {
    return this.add(name, 14, type, { extra: [1] });
  }

  section(name: string, variables: readonly number[]): number {
    const extra = variables.flatMap((variable) => [variable, 0, 8]);
    return this.add(name, 15, 8 * variables.length, { count: variables.length, extra });
  }

  float(name: string, bytes: number): number {
    return this.add(name, 16, bytes);
  }

  declarationTag(name: string, type: number): number {
    return this.add(name, 17, type, { extra: [0xffffffff] });
  }

  typeTag(name: string, type: number): number {
    return this.add(name, 18, type);
  }

  enum64(name: string, values: Record<string, bigint>): number {
    const extra = Object.entries(values).flatMap(([key, value]) => [
      this.string(key),
      Number(value & 0xffffffffn),
      Number(value >> 32n),
    ]);
    return this.add(name, 19, 8, { count: extra.length / 3, extra });
  }

  /** The finished BTF; `header` replaces words of the header, by their offset in bytes. */
  bytes(header: Record<number, number> = {}): Uint8Array<ArrayBuffer> {
    const types = 4 * this.#words.length;
    const bytes = new Uint8Array(24 + types + this.#strings.length);
    const view = new DataView(bytes.buffer);
    const words = [0x0001eb9f, 24, 0, types, types, this.#strings.length, ...this.#words];
    words.forEach((word, index) => view.setUint32(4 * index, word, true));
    for (const [offset, word] of Object.entries(header)) view.setUint32(Number(offset), word, true);
    bytes.set(this.#strings, 24 + types);
    return bytes;
  }
}

/** An ELF file for x86-64 with only these sections. */
export function elfFile(sections: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const names = [...Object.keys(sections), ".shstrtab"];
  const namesText = new TextEncoder().encode(`\0${names.join("\0")}\0`);
  const contents = [...Object.values(sections), namesText];
  const tableAt = 64 + contents.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(tableAt + 64 * (contents.length + 1));
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(40, BigInt(tableAt), true); // e_shoff
  view.setUint16(58, 64, true); // e_shentsize
  view.setUint16(60, contents.length + 1, true); // e_shnum
  view.setUint16(62, contents.length, true); // e_shstrndx
  let offset = 64;
  let nameAt = 1;
  contents.forEach((section, index) => {
    const at = tableAt + 64 * (index + 1);
    view.setUint32(at, nameAt, true); // sh_name
    view.setUint32(at + 4, 1, true); // sh_type: SHT_PROGBITS
    view.setBigUint64(at + 24, BigInt(offset), true); // sh_offset
    view.setBigUint64(at + 32, BigInt(section.length), true); // sh_size
    bytes.set(section, offset);
    offset += section.length;
    nameAt += (names[index] as string).length + 1;
  });
  return bytes;
}
