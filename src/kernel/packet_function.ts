/**
 * A function that takes a packet, as discovery finds it and the attacher needs it.
 *
 * @module
 */

/** The structs that stand for a packet. */
export type PacketStruct = "sk_buff" | "vr_packet";

/** A function with a packet among its parameters. */
export interface PacketFunction {
  /** Name in BTF and in kallsyms. */
  readonly name: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /** Struct that the packet parameter points to. */
  readonly struct: PacketStruct;
  /** Number of the packet parameter in the C parameter list, from 1. */
  readonly position: number;
  /**
   * Number of the integer register it arrives in, 1 to 6 (rdi, rsi, rdx, rcx, r8, r9 on x86-64). It
   * differs from {@linkcode position} behind a struct passed by value.
   */
  readonly register: number;
  /** Levels of pointer: 1 for `struct sk_buff *`, 2 for `struct sk_buff **`. */
  readonly indirection: 1 | 2;
  /** Address of the entry from kallsyms; `null` where it is unknown (BTF only, or hidden). */
  readonly address: bigint | null;
}

/** A function that takes a packet and is left out, with the reason for a person to read. */
export interface SkippedFunction {
  readonly name: string;
  readonly module: string;
  readonly reason: string;
}
