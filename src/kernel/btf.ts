/**
 * Reads BTF, the type information of the kernel and its modules.
 *
 * Format: Documentation/bpf/btf.rst and include/uapi/linux/btf.h, up to `BTF_KIND_ENUM64` (6.0).
 * No objects are created: parsing builds one index of where each type starts, and names stay bytes
 * until requested. vmlinux has over 100,000 types, of which a trace needs some 2,000 names.
 *
 * The input is untrusted: the work of each call is bounded by its size, not by what it claims. The
 * bounds are documented where they apply.
 *
 * @module
 */

import { Failure } from "../sys/failure.ts";
import { ElfError, elfSection, isElf } from "./elf.ts";

/** Why bytes are not usable BTF. */
export class BtfError extends Failure {
  override readonly name = "BtfError";

  constructor(message: string, options?: ErrorOptions) {
    super("btf", message, options);
  }
}

/** `void`, type id 0, which is in no file. */
export const KIND_VOID = 0;
export const KIND_INT = 1;
export const KIND_PTR = 2;
export const KIND_ARRAY = 3;
export const KIND_STRUCT = 4;
export const KIND_UNION = 5;
export const KIND_ENUM = 6;
export const KIND_FWD = 7;
export const KIND_TYPEDEF = 8;
export const KIND_RESTRICT = 11;
export const KIND_FUNC = 12;
export const KIND_FUNC_PROTO = 13;
export const KIND_VAR = 14;
export const KIND_DATASEC = 15;
export const KIND_FLOAT = 16;
export const KIND_DECL_TAG = 17;
export const KIND_TYPE_TAG = 18;
export const KIND_ENUM64 = 19;

/** Bits of an integer's encoding. */
const BTF_INT_SIGNED = 1;
const BTF_INT_BOOL = 4;

/** `struct btf_type` and `struct btf_header` of version 1. */
const TYPE_WORDS = 3;
const HEADER_BYTES = 24;
const MAGIC = 0xeb9f;
const MAGIC_SWAPPED = 0x9feb;

/**
 * Words of a type, by the highest byte of its info (kind_flag and kind): fixed words, and words per
 * member, parameter or value. 0 for unknown kinds.
 */
const FIXED_WORDS = new Uint8Array(256);
const ENTRY_WORDS = new Uint8Array(256);
for (const flag of [0, 0x80]) {
  FIXED_WORDS.set([0, 4, 3, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 4, 3, 3], flag);
  ENTRY_WORDS.set([0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3], flag);
}

/**
 * Bits of info that count those. The upper 8 bits are still zero: if they get a meaning, a type becomes
 * too long instead of being misread.
 */
export const COUNT_MASK = 0xffffff;

/**
 * Maximum chain of modifiers and typedefs: twice what the kernel accepts (`MAX_RESOLVE_DEPTH` in
 * kernel/bpf/btf.c), so anything longer is a loop.
 */
const MAX_CHAIN = 64;

/** The longest name that the kernel accepts: `KSYM_NAME_LEN` (6.1). */
const MAX_NAME_BYTES = 512;

/**
 * Maximum size of BTF: ten times that of a distribution's vmlinux, and four times what the kernel
 * accepts from a program (`BTF_MAX_SIZE` in kernel/bpf/btf.c). Memory use is a multiple of the size, so
 * this bounds it.
 */
export const MAX_BTF_BYTES = 64 * 2 ** 20;

const POINTER_BYTES = 8;

/** Message for split BTF that does not fit its base. */
export const OTHER_KERNEL = "Built over the BTF of another kernel";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Raw BTF, for loops over all types: `struct btf_type` is three words, name, info and size or type;
 * what follows depends on the kind. Numbers count the BTF's own types from 0: an id is a number
 * plus {@linkcode Btf.firstId}.
 */
export interface TypeIndex {
  readonly words: Uint32Array;
  /** Where in the words each type starts. */
  readonly starts: Uint32Array;
  /** Numbers of the structs, and of the forward declarations of structs and unions. */
  readonly structs: Uint32Array;
  /** Numbers of the pointers, typedefs and modifiers. */
  readonly references: Uint32Array;
  /** Numbers of the function prototypes. */
  readonly prototypes: Uint32Array;
  /** Numbers of the functions. */
  readonly functions: Uint32Array;
}

/** Where a member of a struct is. */
export interface MemberPlace {
  /** From the start of the struct, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** Set if it is an integer with a sign. */
  readonly isSigned?: true;
}

interface FoundMember {
  /** Offset in bits. */
  readonly bits: number;
  /** Id of its type. */
  readonly type: number;
}

/** The types of one kernel, or of one module. */
export class Btf {
  /** Base whose type ids and strings this BTF continues; `undefined` for standalone BTF. */
  readonly base: Btf | undefined;
  /** The first id of its own types. */
  readonly firstId: number;
  /** One more than its last id. */
  readonly endId: number;

  /** Its own types, not those of the base. */
  readonly index: TypeIndex;

  readonly #words: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #strings: Uint8Array;
  /** Offset of the first of its own strings, and one more than the last. */
  readonly #stringsFrom: number;
  readonly #stringsEnd: number;

  /**
   * Parses raw BTF, or the `.BTF` section of an ELF file.
   *
   * Checks the sections, and that each type lies within them and has a known kind. Names and references
   * between types are checked when they are followed.
   *
   * Takes one step per type, and a type has at least 12 bytes. The index takes at most twice the size
   * of the types; types not aligned to 4 bytes are copied. Of an ELF file only the BTF counts.
   *
   * @param bytes kept and read later; must not change
   * @param base BTF of the kernel, which split BTF needs. Split BTF is detected from its contents: the
   * strings of standalone BTF start with an empty one at offset 0, those of split BTF do not, and names
   * in split BTF lie beyond its own strings. `.BTF.base` in an ELF file replaces `base` (the distilled
   * base of out-of-tree modules, pahole 1.28 and Linux 6.11).
   * @throws {BtfError} if the bytes are not BTF, damaged, of a newer format, larger than
   * {@linkcode MAX_BTF_BYTES}, or split and `base` is missing or of another kernel
   */
  static parse(bytes: Uint8Array, base?: Btf): Btf {
    return Btf.#parse(bytes, base?.itself);
  }

  static #parse(bytes: Uint8Array, base: Btf | undefined): Btf {
    if (!isElf(bytes)) return new Btf(bytes, base);
    let section, baseSection;
    try {
      section = elfSection(bytes, ".BTF");
      baseSection = elfSection(bytes, ".BTF.base");
    } catch (cause) {
      if (!(cause instanceof ElfError)) throw cause;
      throw new BtfError(cause.message, { cause });
    }
    if (section === undefined) {
      throw new BtfError(
        "ELF file without a .BTF section: pahole -J makes one from its debug information",
      );
    }
    return new Btf(section, baseSection === undefined ? base : new Btf(baseSection, undefined));
  }

  private constructor(bytes: Uint8Array, base: Btf | undefined) {
    const sections = findSections(bytes);
    this.#words = sections.words;
    this.#strings = sections.strings;
    this.index = indexTypes(sections.words);
    this.#starts = this.index.starts;

    const standsAlone = this.#strings[0] === 0 && (base === undefined || this.#hasOwnNames());
    if (base === undefined && !standsAlone) {
      throw new BtfError("BTF of a module, which continues that of its kernel");
    }
    this.base = standsAlone ? undefined : base;
    this.firstId = this.base?.endId ?? 1;
    this.endId = this.firstId + this.#starts.length;
    this.#stringsFrom = this.base === undefined ? 0 : this.base.#stringsEnd;
    this.#stringsEnd = this.#stringsFrom + this.#strings.length;
    if (this.base !== undefined) this.#checkBase();
  }

  /** What stands in for BTF that is read later gives that: see later_btf.ts. */
  get itself(): Btf {
    return this;
  }

  /** Whether all its names lie among its own strings. */
  #hasOwnNames(): boolean {
    return this.#starts.every((start) => (this.#words[start] as number) < this.#strings.length);
  }

  /**
   * With the BTF of another kernel as base, names of split BTF point beyond the strings or into the
   * middle of one.
   *
   * @throws {BtfError} if a name does not start at the start of a string
   */
  #checkBase(): void {
    for (const start of this.#starts) {
      if (!this.#startsString(this.#words[start] as number)) {
        throw new BtfError(OTHER_KERNEL);
      }
    }
  }

  /** Every string is stored once and whole, by libbpf (btf__add_str) and compilers alike. */
  #startsString(offset: number): boolean {
    if (offset < this.#stringsFrom && this.base !== undefined) {
      return this.base.#startsString(offset);
    }
    const at = offset - this.#stringsFrom;
    return at < this.#strings.length && (at === 0 || this.#strings[at - 1] === 0);
  }

  /** Kind of the type (`KIND_…`). @throws {BtfError} when there is no type `id` */
  kind(id: number): number {
    if (id === 0) return KIND_VOID;
    if (id < this.firstId && this.base !== undefined) return this.base.kind(id);
    return ((this.#words[this.#start(id) + 1] as number) >>> 24) & 0x1f;
  }

  /** Number of the type's members, parameters or values. @throws {BtfError} as {@linkcode kind} */
  count(id: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.count(id);
    return (this.#words[this.#start(id) + 1] as number) & COUNT_MASK;
  }

  /** `kind_flag` of the type: a union for `KIND_FWD`. @throws {BtfError} as {@linkcode kind} */
  flag(id: number): boolean {
    if (id < this.firstId && this.base !== undefined) return this.base.flag(id);
    return (this.#words[this.#start(id) + 1] as number) >>> 31 === 1;
  }

  /**
   * The type that a pointer, modifier, typedef or function refers to, or a prototype's return type.
   *
   * @throws {BtfError} as {@linkcode kind}
   */
  target(id: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.target(id);
    return this.#words[this.#start(id) + 2] as number;
  }

  /** Bytes of an integer, enum, struct or union. @throws {BtfError} as {@linkcode kind} */
  size(id: number): number {
    return this.target(id);
  }

  /** Whether a resolved type is `_Bool`. @throws {BtfError} as {@linkcode kind} */
  isBool(id: number): boolean {
    if (id < this.firstId && this.base !== undefined) return this.base.isBool(id);
    return this.kind(id) === KIND_INT && (this.#encoding(id) & BTF_INT_BOOL) !== 0;
  }

  /** `BTF_INT_*` bits of an integer. */
  #encoding(id: number): number {
    return (this.#words[this.#start(id) + TYPE_WORDS] as number) >>> 24;
  }

  /** Whether a resolved type is an integer or an enum with a sign. @throws {BtfError} as {@linkcode kind} */
  isSigned(id: number): boolean {
    if (id < this.firstId && this.base !== undefined) return this.base.isSigned(id);
    switch (this.kind(id)) {
      case KIND_INT:
        return (this.#encoding(id) & BTF_INT_SIGNED) !== 0;
      case KIND_ENUM:
      case KIND_ENUM64:
        return this.flag(id);
      default:
        return false;
    }
  }

  /**
   * Names of the values of an enum, by value, as signed 64-bit numbers; of equal ones the first.
   *
   * @param id of a `KIND_ENUM`, or of a `KIND_ENUM64`
   * @throws {BtfError} when the BTF is damaged
   */
  valueNames(id: number): ReadonlyMap<bigint, string> {
    if (id < this.firstId && this.base !== undefined) return this.base.valueNames(id);
    const isWide = this.kind(id) === KIND_ENUM64;
    const isSigned = this.flag(id);
    const words = isWide ? 3 : 2;
    const first = this.#start(id) + TYPE_WORDS;
    const names = new Map<bigint, string>();
    for (let at = first; at < first + words * this.count(id); at += words) {
      const low = BigInt(this.#words[at + 1] as number);
      const value = isWide
        ? BigInt.asIntN(64, BigInt(this.#words[at + 2] as number) << 32n | low)
        : isSigned
        ? BigInt.asIntN(32, low)
        : low;
      if (!names.has(value)) names.set(value, this.#string(this.#words[at] as number));
    }
    return names;
  }

  /** Type of parameter `index`, from 0, of a `KIND_FUNC_PROTO`. @throws {BtfError} as {@linkcode kind} */
  parameter(id: number, index: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.parameter(id, index);
    return this.#words[this.#start(id) + TYPE_WORDS + 2 * index + 1] as number;
  }

  /** Type of the elements of a `KIND_ARRAY`. @throws {BtfError} as {@linkcode kind} */
  element(id: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.element(id);
    return this.#words[this.#start(id) + TYPE_WORDS] as number;
  }

  /** Number of the elements of a `KIND_ARRAY`. @throws {BtfError} as {@linkcode kind} */
  elements(id: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.elements(id);
    return this.#words[this.#start(id) + TYPE_WORDS + 2] as number;
  }

  /** Offset of the name in the strings; equal names have equal offsets. */
  nameOffset(id: number): number {
    if (id < this.firstId && this.base !== undefined) return this.base.nameOffset(id);
    return this.#words[this.#start(id)] as number;
  }

  /**
   * Name of the type; empty if it has none. Names are whole strings of the BTF, so all distinct names
   * together are no longer than its strings.
   *
   * @throws {BtfError} if it is longer than 512 bytes, or does not start at the start of a string
   */
  name(id: number): string {
    return this.#string(this.nameOffset(id));
  }

  /** Whether the type has this name, passed as bytes without NUL. */
  isNamed(id: number, name: Uint8Array): boolean {
    return this.#stringEquals(this.nameOffset(id), name);
  }

  /**
   * Resolves typedefs, `const`, `volatile`, `restrict` and type tags, in at most 64 steps.
   *
   * @throws {BtfError} if they form a loop, or there is no type `id`
   */
  resolve(id: number): number {
    let type = id;
    for (let steps = 0; steps < MAX_CHAIN; steps++) {
      if (!isModifier(this.kind(type))) return type;
      type = this.target(type);
    }
    throw new BtfError(`Type ${id} does not resolve: its typedefs and modifiers form a loop`);
  }

  /**
   * Offset of a member in a struct, including members of unnamed structs and unions inside. With several
   * structs of the name, the first that has the member.
   *
   * Visits each type, and each member of a struct or union, at most once; needs memory for the visited
   * structs and unions.
   *
   * @returns bytes from the start of the struct; `undefined` without such a member, or for a bit
   * field
   * @throws {BtfError} when the BTF is damaged
   */
  memberOffset(struct: string, member: string): number | undefined {
    const name = encoder.encode(member);
    const visited = new Set<number>();
    for (const id of this.#structs(struct)) {
      const bits = this.#findMember(id, name, visited, 0)?.bits;
      if (bits !== undefined && bits % 8 === 0) return bits / 8;
    }
    return undefined;
  }

  /**
   * Layout of one of its own structs or unions: the size, and the names and bit offsets of its members,
   * as a string to compare.
   *
   * @throws {BtfError} as {@linkcode name}
   */
  layout(id: number): string {
    const start = this.#start(id);
    const end = start + TYPE_WORDS + 3 * this.count(id);
    const parts = [`${this.size(id)}`];
    for (let at = start + TYPE_WORDS; at < end; at += 3) {
      parts.push(`${this.#string(this.#words[at] as number)}@${this.#words[at + 2]}`);
    }
    return parts.join(" ");
  }

  /** Size of the struct; `undefined` without one of that name. With several, the first. */
  structSize(struct: string): number | undefined {
    for (const id of this.#structs(struct)) return this.size(id);
    return undefined;
  }

  /** Names of the members of its own struct, not the base's; empty without one of that name. */
  memberNames(struct: string): string[] {
    for (const id of this.#ownStructs(struct)) {
      const first = this.#start(id) + TYPE_WORDS;
      return Array.from(
        { length: this.count(id) },
        (_, index) => this.#string(this.#words[first + 3 * index] as number),
      );
    }
    return [];
  }

  /** Number of parameters of the function; `undefined` without one of that name. With several, the first. */
  parameterCount(fn: string): number | undefined {
    const id = this.functionId(fn);
    if (id !== undefined) return this.count(this.target(id));
    return this.base?.parameterCount(fn);
  }

  /**
   * Number of parameters of the functions that a typedef is a pointer to; `undefined` without one of that
   * name, or if it is no such pointer.
   */
  parameterCountOf(typedef: string): number | undefined {
    for (const id of this.#named(this.index.references, typedef)) {
      if (this.kind(id) !== KIND_TYPEDEF) continue;
      const pointer = this.resolve(id);
      if (this.kind(pointer) !== KIND_PTR) return undefined;
      const prototype = this.resolve(this.target(pointer));
      return this.kind(prototype) === KIND_FUNC_PROTO ? this.count(prototype) : undefined;
    }
    return this.base?.parameterCountOf(typedef);
  }

  /** Id of its own function of that name, not the base's. With several, the first. */
  functionId(fn: string): number | undefined {
    for (const id of this.#named(this.index.functions, fn)) return id;
    return undefined;
  }

  /** Id of its own variable of that name, not the base's. */
  variableId(variable: string): number | undefined {
    const name = encoder.encode(variable);
    // They come last.
    for (let id = this.endId - 1; id >= this.firstId; id--) {
      if (this.kind(id) === KIND_VAR && this.isNamed(id, name)) return id;
    }
    return undefined;
  }

  /**
   * Where a struct has a member, and how many bytes it takes, also in a struct that is a member.
   *
   * @param path names of members, each but the first one of the struct before
   * @returns `undefined` without such a member, for a bit field, and if the size is unknown
   * @throws {BtfError} when the BTF is damaged
   */
  memberPlace(struct: string, ...path: readonly string[]): MemberPlace | undefined {
    let ids = [...this.#structs(struct)];
    let place: MemberPlace | undefined;
    for (const member of path) {
      const name = encoder.encode(member);
      const visited = new Set<number>();
      let found: FoundMember | undefined;
      for (const id of ids) found ??= this.#findMember(id, name, visited, 0);
      if (found === undefined || found.bits % 8 !== 0) return undefined;
      const type = this.resolve(found.type);
      const bytes = this.#bytes(type);
      if (bytes === undefined) return undefined;
      place = { offset: (place?.offset ?? 0) + found.bits / 8, bytes };
      if (this.isSigned(type)) place = { ...place, isSigned: true };
      const kind = this.kind(type);
      ids = kind === KIND_STRUCT || kind === KIND_UNION ? [type] : [];
    }
    return place;
  }

  /** Bytes that a value of a resolved type takes; `undefined` for arrays and what has no values. */
  #bytes(type: number): number | undefined {
    switch (this.kind(type)) {
      case KIND_INT:
      case KIND_ENUM:
      case KIND_ENUM64:
      case KIND_STRUCT:
      case KIND_UNION:
        return this.size(type);
      case KIND_PTR:
        return POINTER_BYTES;
      default:
        return undefined;
    }
  }

  /**
   * The names of an enum's values, by value. Of several enums, the first that has the value.
   *
   * @param member name of one of its values, as enums may have no name
   * @param name its name, which saves reading all enums
   * @returns `undefined` without such an enum, its own or the base's
   * @throws {BtfError} when the BTF is damaged
   */
  enumNames(member: string, name?: string): ReadonlyMap<number, string> | undefined {
    const [memberBytes, nameBytes] = [encoder.encode(member), encoder.encode(name ?? "")];
    for (let id = this.firstId; id < this.endId; id++) {
      if (this.kind(id) !== KIND_ENUM) continue;
      if (name !== undefined && !this.isNamed(id, nameBytes)) continue;
      const first = this.#start(id) + TYPE_WORDS;
      const end = first + 2 * this.count(id);
      for (let at = first; at < end; at += 2) {
        if (!this.#stringEquals(this.#words[at] as number, memberBytes)) continue;
        return this.#enumerators(first, end);
      }
    }
    return this.base?.enumNames(member, name);
  }

  /** Values of `struct btf_enum` by value; of equal ones the first. */
  #enumerators(first: number, end: number): Map<number, string> {
    const names = new Map<number, string>();
    for (let at = first; at < end; at += 2) {
      const value = (this.#words[at + 1] as number) | 0;
      if (!names.has(value)) names.set(value, this.#string(this.#words[at] as number));
    }
    return names;
  }

  /** Structs with this name: its own, then those of the base. */
  *#structs(struct: string): Generator<number, void, undefined> {
    yield* this.#ownStructs(struct);
    if (this.base !== undefined) yield* this.base.#structs(struct);
  }

  *#ownStructs(struct: string): Generator<number, void, undefined> {
    for (const id of this.#named(this.index.structs, struct)) {
      if (this.kind(id) === KIND_STRUCT) yield id;
    }
  }

  /**
   * Ids of its own types with this name, in their order. Names are looked for by the dozen, among tens of
   * thousands: so the loop looks at two bytes before it calls anything.
   *
   * @param numbers those to look at, of the {@linkcode index}
   */
  *#named(numbers: Uint32Array, text: string): Generator<number, void, undefined> {
    const name = encoder.encode(text);
    const { length } = name;
    const first = name[0] ?? 0;
    const [words, starts, strings] = [this.#words, this.#starts, this.#strings];
    const stringsFrom = this.#stringsFrom;
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number;
      const offset = words[starts[number] as number] as number;
      const at = offset - stringsFrom;
      // Names of the base are compared as a whole.
      if (at >= 0 && (strings[at] !== first || strings[at + length] !== 0)) continue;
      if (this.#stringEquals(offset, name)) yield this.firstId + number;
    }
  }

  /**
   * A member, with its offset in bits. `visited` has the types already searched without success: each is
   * searched once, however often it occurs, and a struct inside itself ends the search.
   */
  #findMember(
    id: number,
    name: Uint8Array,
    visited: Set<number>,
    depth: number,
  ): FoundMember | undefined {
    if (id < this.firstId && this.base !== undefined) {
      return this.base.#findMember(id, name, visited, depth);
    }
    if (depth > MAX_CHAIN) throw new BtfError(`Type ${id} is nested too deeply`);
    visited.add(id);
    const start = this.#start(id);
    const wide = this.flag(id);
    const end = start + TYPE_WORDS + 3 * this.count(id);
    for (let at = start + TYPE_WORDS; at < end; at += 3) {
      const nameAt = this.#words[at] as number;
      const bits = this.#words[at + 2] as number;
      if (nameAt !== 0) {
        if (!this.#stringEquals(nameAt, name)) continue;
        // With kind_flag the upper 8 bits are the width of a bit field.
        if (wide && bits >>> 24 !== 0) return undefined;
        return { bits, type: this.#words[at + 1] as number };
      }
      const type = this.resolve(this.#words[at + 1] as number);
      const kind = this.kind(type);
      if ((kind !== KIND_STRUCT && kind !== KIND_UNION) || visited.has(type)) continue;
      const inside = this.#findMember(type, name, visited, depth + 1);
      if (inside !== undefined) return { ...inside, bits: bits + inside.bits };
    }
    return undefined;
  }

  /** Index of the first word of one of its own types. */
  #start(id: number): number {
    const start = this.#starts[id - this.firstId];
    if (start === undefined) {
      throw new BtfError(`There is no type ${id}: the last one is ${this.endId - 1}`);
    }
    return start;
  }

  #string(offset: number): string {
    if (offset < this.#stringsFrom && this.base !== undefined) return this.base.#string(offset);
    if (!this.#startsString(offset)) {
      throw new BtfError(`No name starts at ${offset}: it is inside another one, or out of bounds`);
    }
    const from = offset - this.#stringsFrom;
    const end = this.#strings.subarray(from, from + MAX_NAME_BYTES).indexOf(0);
    if (end < 0) {
      throw new BtfError(`The name at ${offset} is longer than ${MAX_NAME_BYTES} bytes`);
    }
    return decoder.decode(this.#strings.subarray(from, from + end));
  }

  #stringEquals(offset: number, name: Uint8Array): boolean {
    if (offset < this.#stringsFrom && this.base !== undefined) {
      return this.base.#stringEquals(offset, name);
    }
    const from = offset - this.#stringsFrom;
    for (let i = 0; i < name.length; i++) {
      if (this.#strings[from + i] !== name[i]) return false;
    }
    return this.#strings[from + name.length] === 0;
  }
}

/** Whether the kind only qualifies or names another type; `volatile` and `const` are in between. */
function isModifier(kind: number): boolean {
  return (kind >= KIND_TYPEDEF && kind <= KIND_RESTRICT) || kind === KIND_TYPE_TAG;
}

/** Reads `struct btf_header`. */
function findSections(bytes: Uint8Array): { words: Uint32Array; strings: Uint8Array } {
  if (bytes.length < HEADER_BYTES) throw new BtfError("Truncated: shorter than a BTF header");
  if (bytes.length > MAX_BTF_BYTES) {
    throw new BtfError(`BTF of ${bytes.length} bytes: more than the limit of ${MAX_BTF_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint16(0, true);
  if (magic === MAGIC_SWAPPED) throw new BtfError("BTF of the other byte order");
  if (magic !== MAGIC) throw new BtfError("Neither BTF nor an ELF file");
  const version = view.getUint8(2);
  if (version !== 1) throw new BtfError(`BTF of version ${version}, only version 1 is supported`);
  const headerBytes = view.getUint32(4, true);
  const [typesAt, typesBytes] = [view.getUint32(8, true), view.getUint32(12, true)];
  const [stringsAt, stringsBytes] = [view.getUint32(16, true), view.getUint32(20, true)];
  const body = bytes.length - headerBytes;
  if (headerBytes < HEADER_BYTES || body < 0) {
    throw new BtfError("BTF header of invalid size");
  }
  if (typesAt + typesBytes > body || stringsAt + stringsBytes > body) {
    throw new BtfError(`Truncated: the sections exceed the ${bytes.length} bytes`);
  }
  if (typesAt % 4 !== 0 || typesBytes % 4 !== 0) {
    throw new BtfError("Types are not aligned to 4 bytes");
  }
  if (typesAt < stringsAt + stringsBytes && stringsAt < typesAt + typesBytes) {
    throw new BtfError("Types and strings overlap");
  }
  const strings = bytes.subarray(headerBytes + stringsAt).subarray(0, stringsBytes);
  if (stringsBytes > 0 && strings[stringsBytes - 1] !== 0) {
    throw new BtfError("Strings are not terminated");
  }
  return { words: asWords(bytes, headerBytes + typesAt, typesBytes), strings };
}

/** Little-endian words, like the machine's: a view, or a copy if not aligned. */
function asWords(bytes: Uint8Array, at: number, length: number): Uint32Array {
  const types = bytes.subarray(at, at + length);
  const aligned = types.byteOffset % 4 === 0 ? types : types.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, length / 4);
}

/**
 * Finds where each type starts. A type has at least three words, which bounds their number.
 *
 * This is the only loop over the bytes of all types. It does little, because on a slow machine it ends
 * before it is compiled.
 */
function indexTypes(words: Uint32Array): TypeIndex {
  const length = words.length;
  const most = Math.floor(length / TYPE_WORDS);
  const [starts, functions] = [new Uint32Array(most), new Uint32Array(most)];
  const [prototypes, references] = [new Uint32Array(most), new Uint32Array(most)];
  const structs = new Uint32Array(most);
  let [count, functionCount, prototypeCount, referenceCount, structCount] = [0, 0, 0, 0, 0];
  for (let at = 0; at < length;) {
    const info = words[at + 1] as number;
    const top = info >>> 24;
    const next = at + (FIXED_WORDS[top] as number) +
      (ENTRY_WORDS[top] as number) * (info & COUNT_MASK);
    if (next === at || next > length) throw badType(words, at);
    const kind = top & 0x7f;
    if (kind === KIND_FUNC) functions[functionCount++] = count;
    else if (kind === KIND_FUNC_PROTO) prototypes[prototypeCount++] = count;
    else if (kind === KIND_PTR || isModifier(kind)) references[referenceCount++] = count;
    else if (kind === KIND_STRUCT || kind === KIND_FWD) structs[structCount++] = count;
    starts[count++] = at;
    at = next;
  }
  return {
    words,
    starts: starts.subarray(0, count),
    structs: structs.subarray(0, structCount),
    references: references.subarray(0, referenceCount),
    prototypes: prototypes.subarray(0, prototypeCount),
    functions: functions.subarray(0, functionCount),
  };
}

/** Why the type at word `at`, and so any after it, cannot be read. */
function badType(words: Uint32Array, at: number): BtfError {
  const info = words[at + 1];
  if (info === undefined) return new BtfError("Truncated: the last type is incomplete");
  const kind = (info >>> 24) & 0x7f;
  return new BtfError(
    FIXED_WORDS[kind] === 0
      ? `Type at byte ${4 * at} has the unknown kind ${kind}`
      : `Truncated: a type of kind ${kind} exceeds the type section`,
  );
}
