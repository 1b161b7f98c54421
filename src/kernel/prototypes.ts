/**
 * Finds the packet among the parameters of a function, and the argument it is passed in.
 *
 * Registers are those of the System V ABI for x86-64 (psABI 1.0, 3.2.3), which the kernel follows.
 * Class SSE is not implemented, because the kernel is built without it; nor is the rule that passes a
 * packed struct with unaligned members on the stack: no function with a packet takes one (checked in
 * 6.1, 6.12 and 6.18).
 *
 * @module
 */

import {
  type Btf,
  BtfError,
  COUNT_MASK,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_UNION,
} from "./btf.ts";
import {
  ARGUMENT_REGISTERS,
  type Companions,
  isOnStack,
  type PacketStruct,
} from "./packet_function.ts";

/** The packet among the parameters of a function. */
export interface PacketParameter extends Companions {
  readonly struct: PacketStruct;
  /** Number in the C parameter list, from 1. */
  readonly position: number;
  /** As in `PacketFunction`. On the stack, that holds if the function can have a trampoline. */
  readonly argument: number;
  readonly indirection: 1 | 2;
}

const REGISTER_BYTES = 8;
/** Larger structs are passed in memory, and returned through a pointer passed by the caller. */
const MAX_STRUCT_BYTES = 2 * REGISTER_BYTES;

/**
 * What discovery needs to know about a type, in one byte: a packet, a pointer to one or a pointer to such
 * a pointer, for both structs; what may stand beside a packet, or a pointer to that; or a prototype
 * without or with a packet.
 */
const OTHER = 0;
const SK_BUFF = 1;
const VR_PACKET = 4;
const VR_INTERFACE = 7;
const VR_NEXTHOP = 9;
const VR_FORWARDING_MD = 11;
const PROTOTYPE = 13;
const PACKET_PROTOTYPE = 14;

const encoder = new TextEncoder();
/** The structs to look for, by name. */
const STRUCTS: readonly (readonly [Uint8Array, number])[] = [
  [encoder.encode("sk_buff"), SK_BUFF],
  [encoder.encode("vr_packet"), VR_PACKET],
  [encoder.encode("vr_interface"), VR_INTERFACE],
  [encoder.encode("vr_nexthop"), VR_NEXTHOP],
  [encoder.encode("vr_forwarding_md"), VR_FORWARDING_MD],
];

/** The class of a pointer to the type; three pointers to a packet do not count. */
const POINTER_TO = Uint8Array.of(OTHER, 2, 3, OTHER, 5, 6, OTHER, 8, OTHER, 10, OTHER, 12, 0, 0, 0);

/** What a pointer of this class is to the packet that it stands beside. */
const COMPANIONS: Readonly<Record<number, keyof Companions>> = {
  8: "vifRegister",
  10: "nexthopRegister",
  12: "metadataRegister",
};

/** The packet parameters of this class. */
const PACKETS: readonly (Pick<PacketParameter, "struct" | "indirection"> | null)[] = [
  null,
  null,
  { struct: "sk_buff", indirection: 1 },
  { struct: "sk_buff", indirection: 2 },
  null,
  { struct: "vr_packet", indirection: 1 },
  { struct: "vr_packet", indirection: 2 },
];
const IS_PACKET = Uint8Array.from(
  { length: PACKET_PROTOTYPE + 1 },
  (_, type) => Number((PACKETS[type] ?? null) !== null),
);

/**
 * Maximum chain of typedefs and modifiers that runs against the order of the types: more than in any
 * BTF. Other chains may have any length.
 */
const MAX_PASSES = 64;

/** Entries of the filter by name, a power of two. */
const FILTER_SIZE = 1 << 16;

/**
 * The functions of one BTF, and where they take packets.
 *
 * Uses a few plain loops over all types instead of following each function's types: the work is bounded
 * by the size of the BTF, whatever the references, and is done before nicer code would be compiled.
 */
export class Prototypes {
  readonly #btf: Btf;
  /** Class of each type by id, including the base's. */
  readonly #types: Uint8Array;
  readonly #found = new Map<number, PacketParameter | null>();

  /**
   * @param base the prototypes of `btf.base`, shared by modules; required if it has a base
   * @throws {BtfError} when the BTF is damaged
   */
  constructor(btf: Btf, base?: Prototypes) {
    this.#btf = btf;
    this.#types = new Uint8Array(btf.endId);
    if (base !== undefined) this.#types.set(base.#types);
    this.#findStructs();
    this.#findPointers();
    this.#findPrototypes();
  }

  #findStructs(): void {
    const { structs } = this.#btf.index;
    for (let i = 0; i < structs.length; i++) {
      const id = this.#btf.firstId + (structs[i] as number);
      // A source file that only declares the struct leaves a forward declaration.
      if (this.#btf.kind(id) === KIND_FWD && this.#btf.flag(id)) continue;
      for (const [name, type] of STRUCTS) {
        if (this.#btf.isNamed(id, name)) this.#types[id] = type;
      }
    }
  }

  /** Propagates from the structs to the types that refer to them, until nothing changes. */
  #findPointers(): void {
    const { words, starts, references } = this.#btf.index;
    const types = this.#types;
    const firstId = this.#btf.firstId;
    for (let pass = 0, changed = true; changed; pass++) {
      if (pass > MAX_PASSES) throw new BtfError("Typedefs and modifiers of a packet form a loop");
      changed = false;
      for (let i = 0; i < references.length; i++) {
        const number = references[i] as number;
        const at = starts[number] as number;
        let type = types[words[at + 2] as number];
        if (type === OTHER) continue;
        if (type === undefined) throw noSuchType(words[at + 2] as number);
        if ((words[at + 1] as number) >>> 24 === KIND_PTR) type = POINTER_TO[type] as number;
        if (type < PROTOTYPE && types[firstId + number] !== type) {
          types[firstId + number] = type;
          changed = true;
        }
      }
    }
  }

  #findPrototypes(): void {
    const { words, starts, prototypes } = this.#btf.index;
    const types = this.#types;
    const firstId = this.#btf.firstId;
    for (let i = 0; i < prototypes.length; i++) {
      const number = prototypes[i] as number;
      const start = starts[number] as number;
      const end = start + 3 + 2 * ((words[start + 1] as number) & COUNT_MASK);
      let found = PROTOTYPE;
      for (let at = start + 4; at < end; at += 2) {
        const type = types[words[at] as number];
        if (type === OTHER) continue;
        if (type === undefined) throw noSuchType(words[at] as number);
        if (IS_PACKET[type] === 1) found = PACKET_PROTOTYPE;
      }
      types[firstId + number] = found;
    }
  }

  /**
   * Ids of the functions that take a packet, in the order of the BTF.
   *
   * @throws {BtfError} if a function has no prototype
   */
  packetFunctions(): number[] {
    const { words, starts, functions } = this.#btf.index;
    const types = this.#types;
    const found: number[] = [];
    for (let i = 0; i < functions.length; i++) {
      const number = functions[i] as number;
      const prototype = words[(starts[number] as number) + 2] as number;
      const type = types[prototype];
      if (type === PACKET_PROTOTYPE) found.push(this.#btf.firstId + number);
      else if (type !== PROTOTYPE) throw noPrototype(prototype);
    }
    return found;
  }

  /**
   * Name offsets of the functions that take no packet, but share the name of one that does.
   *
   * @param names offsets of names of functions that take one
   */
  namesakes(names: ReadonlyMap<number, unknown>): number[] {
    const { words, starts, functions } = this.#btf.index;
    const filter = new Uint8Array(FILTER_SIZE);
    for (const name of names.keys()) filter[name & (FILTER_SIZE - 1)] = 1;
    const found: number[] = [];
    for (let i = 0; i < functions.length; i++) {
      const at = starts[functions[i] as number] as number;
      const name = words[at] as number;
      if (filter[name & (FILTER_SIZE - 1)] === 0) continue;
      if (this.#types[words[at + 2] as number] === PROTOTYPE && names.has(name)) found.push(name);
    }
    return found;
  }

  /**
   * The first parameter that points to a packet and is passed in a register; failing that, the first
   * that points to one.
   *
   * @param prototype id of a `KIND_FUNC_PROTO`
   * @returns `null` if no parameter points to a packet
   * @throws {BtfError} when the BTF is damaged
   */
  packet(prototype: number): PacketParameter | null {
    const type = this.#types[prototype];
    if (type === PROTOTYPE) return null;
    if (type !== PACKET_PROTOTYPE) throw noPrototype(prototype);
    let found = this.#found.get(prototype);
    if (found === undefined) {
      found = this.#place(prototype);
      this.#found.set(prototype, found);
    }
    return found;
  }

  /** Assigns the registers, parameter by parameter, and the places in the list of a trampoline. */
  #place(prototype: number): PacketParameter | null {
    let used = this.#returnsInMemory(prototype) ? 1 : 0;
    let listed = used;
    let found: PacketParameter | null = null;
    const companions: { -readonly [name in keyof Companions]: number } = {};
    const count = this.#btf.count(prototype);
    for (let index = 0; index < count; index++) {
      const type = this.#btf.parameter(prototype, index);
      const registers = this.#registers(type);
      // What does not fit goes on the stack as a whole; a smaller one after it may still fit.
      const fits = used + registers <= ARGUMENT_REGISTERS;
      const kind = this.#types[type] ?? OTHER;
      const packet = PACKETS[kind] ?? null;
      if (packet !== null && (found === null || (fits && isOnStack(found)))) {
        found = { ...packet, position: index + 1, argument: 1 + (fits ? used : listed) };
      }
      const companion = COMPANIONS[kind];
      if (companion !== undefined && fits) companions[companion] ??= used + 1;
      if (fits) used += registers;
      listed += registers;
    }
    return found && { ...found, ...companions };
  }

  /** Whether the caller passes a pointer for the result before the parameters. */
  #returnsInMemory(prototype: number): boolean {
    const type = this.#btf.resolve(this.#btf.target(prototype));
    const kind = this.#btf.kind(type);
    return (kind === KIND_STRUCT || kind === KIND_UNION) &&
      this.#btf.size(type) > MAX_STRUCT_BYTES;
  }

  /** Number of integer registers a parameter takes if there are enough. */
  #registers(id: number): number {
    const type = this.#btf.resolve(id);
    switch (this.#btf.kind(type)) {
      case KIND_PTR:
      case KIND_ENUM:
      case KIND_ENUM64:
        return 1;
      case KIND_INT:
      case KIND_STRUCT:
      case KIND_UNION: {
        // Empty structs, a GNU extension, take none.
        const bytes = this.#btf.size(type);
        return bytes > MAX_STRUCT_BYTES ? 0 : Math.ceil(bytes / REGISTER_BYTES);
      }
      default:
        // The end of variable arguments, and floating point.
        return 0;
    }
  }
}

function noSuchType(id: number): BtfError {
  return new BtfError(`There is no type ${id}`);
}

function noPrototype(id: number): BtfError {
  return new BtfError(`Type ${id} is used as a prototype but is not one`);
}
