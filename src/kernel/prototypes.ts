/**
 * Finds the packet among the parameters of a function, and the register that it arrives in.
 *
 * Registers are those of the System V ABI for x86-64 (psABI 1.0, 3.2.3), which the kernel follows.
 * Its class SSE is left out, because kernel code is built without; so is the rule that a packed
 * struct with unaligned members goes to the stack: no function with a packet takes one (seen in
 * 6.1, 6.12 and 6.18).
 *
 * @module
 */

import {
  type Btf,
  BtfError,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC_PROTO,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_UNION,
} from "./btf.ts";
import type { PacketStruct } from "./packet_function.ts";

/** The packet among the parameters of a function. */
export interface PacketParameter {
  readonly struct: PacketStruct;
  /** Number in the C parameter list, from 1. */
  readonly position: number;
  /** Number of the integer register, 1 to 6; `null` on the stack. */
  readonly register: number | null;
  readonly indirection: 1 | 2;
}

/** rdi, rsi, rdx, rcx, r8 and r9. */
const REGISTERS = 6;
const REGISTER_BYTES = 8;
/** A larger struct is passed in memory, and returned in memory that the caller points to. */
const MAX_STRUCT_BYTES = 2 * REGISTER_BYTES;

const SK_BUFF = new TextEncoder().encode("sk_buff");
const VR_PACKET = new TextEncoder().encode("vr_packet");

/** What a parameter's type points to: index into this list, one byte a type. */
const POINTEES: readonly (Pick<PacketParameter, "struct" | "indirection"> | null)[] = [
  null,
  { struct: "sk_buff", indirection: 1 },
  { struct: "sk_buff", indirection: 2 },
  { struct: "vr_packet", indirection: 1 },
  { struct: "vr_packet", indirection: 2 },
];
/** No {@linkcode POINTEES} yet. */
const UNKNOWN = 0xff;

/**
 * The function prototypes of one BTF. Each type and each prototype is looked at once, so the work is
 * bounded by the size of the BTF, whatever refers to what.
 */
export class Prototypes {
  readonly #btf: Btf;
  readonly #base: Prototypes | undefined;
  readonly #pointees: Uint8Array;
  readonly #found = new Map<number, PacketParameter | null>();

  /** @param base the prototypes of `btf.base`, which many modules share; required when it has one */
  constructor(btf: Btf, base?: Prototypes) {
    this.#btf = btf;
    this.#base = base;
    this.#pointees = new Uint8Array(btf.endId - btf.firstId).fill(UNKNOWN);
  }

  /**
   * The first parameter that points to a packet and arrives in a register; failing that, the first
   * that points to one.
   *
   * @param prototype id of a `KIND_FUNC_PROTO`
   * @returns `null` when no parameter points to a packet
   * @throws {BtfError} when the BTF is damaged
   */
  packet(prototype: number): PacketParameter | null {
    if (prototype < this.#btf.firstId && this.#base !== undefined) {
      return this.#base.packet(prototype);
    }
    let found = this.#found.get(prototype);
    if (found === undefined) {
      if (this.#btf.kind(prototype) !== KIND_FUNC_PROTO) {
        throw new BtfError(`Type ${prototype} stands for a prototype and is none`);
      }
      found = this.#hasPacket(prototype) ? this.#place(prototype) : null;
      this.#found.set(prototype, found);
    }
    return found;
  }

  #hasPacket(prototype: number): boolean {
    const count = this.#btf.count(prototype);
    for (let index = 0; index < count; index++) {
      if (this.#pointee(this.#btf.parameter(prototype, index)) !== 0) return true;
    }
    return false;
  }

  /** Hands out the registers, parameter by parameter. */
  #place(prototype: number): PacketParameter | null {
    let used = this.#returnsInMemory(prototype) ? 1 : 0;
    let onStack: PacketParameter | null = null;
    const count = this.#btf.count(prototype);
    for (let index = 0; index < count; index++) {
      const type = this.#btf.parameter(prototype, index);
      const registers = this.#registers(type);
      // What does not fit goes to the stack whole; a smaller one behind it may still fit.
      const fits = used + registers <= REGISTERS;
      const pointee = POINTEES[this.#pointee(type)] ?? null;
      if (pointee !== null) {
        const register = fits ? used + 1 : null;
        const parameter = { ...pointee, position: index + 1, register };
        if (fits) return parameter;
        onStack ??= parameter;
      }
      if (fits) used += registers;
    }
    return onStack;
  }

  /** Whether the caller passes, ahead of the parameters, where the result goes. */
  #returnsInMemory(prototype: number): boolean {
    const type = this.#btf.resolve(this.#btf.target(prototype));
    const kind = this.#btf.kind(type);
    return (kind === KIND_STRUCT || kind === KIND_UNION) &&
      this.#btf.size(type) > MAX_STRUCT_BYTES;
  }

  /** How many integer registers a parameter takes where there are enough. */
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
        // Empty structs, which GNU C has, take none.
        const bytes = this.#btf.size(type);
        return bytes > MAX_STRUCT_BYTES ? 0 : Math.ceil(bytes / REGISTER_BYTES);
      }
      default:
        // The end of a variable list, and floating point.
        return 0;
    }
  }

  /** Index into {@linkcode POINTEES}. */
  #pointee(id: number): number {
    if (id < this.#btf.firstId && this.#base !== undefined) return this.#base.#pointee(id);
    // `void`, which no array has a place for, is no pointer.
    const known = this.#pointees[id - this.#btf.firstId] ?? (id === 0 ? 0 : UNKNOWN);
    if (known !== UNKNOWN) return known;
    const pointee = this.#findPointee(id);
    this.#pointees[id - this.#btf.firstId] = pointee;
    return pointee;
  }

  #findPointee(id: number): number {
    let type = this.#btf.resolve(id);
    let indirection = 0;
    while (this.#btf.kind(type) === KIND_PTR) {
      if (++indirection > 2) return 0;
      type = this.#btf.resolve(this.#btf.target(type));
    }
    if (indirection === 0) return 0;
    // A source file that knows of the struct only that it is one leaves a forward declaration.
    const kind = this.#btf.kind(type);
    if (kind !== KIND_STRUCT && !(kind === KIND_FWD && !this.#btf.flag(type))) return 0;
    if (this.#btf.isNamed(type, SK_BUFF)) return indirection;
    if (this.#btf.isNamed(type, VR_PACKET)) return 2 + indirection;
    return 0;
  }
}
