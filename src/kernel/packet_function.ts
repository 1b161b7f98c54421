/**
 * A function that takes a packet, as found by discovery and needed for attaching.
 *
 * @module
 */

/** The structs that represent a packet. */
export type PacketStruct = "sk_buff" | "vr_packet";

/** What stands beside a packet, by the integer register it arrives in, 1 to 6. */
export interface Companions {
  /** `struct vr_interface *`, such as the vif that the packet is sent to. */
  readonly vifRegister?: number;
  /** `struct vr_nexthop *`. */
  readonly nexthopRegister?: number;
  /** `struct vr_forwarding_md *`: what forwarding has found out about the packet. */
  readonly metadataRegister?: number;
}

/** A function with a packet among its parameters. */
export interface PacketFunction extends Companions {
  /** Name in BTF and in kallsyms. */
  readonly name: string;
  /** `vmlinux`, or the name of the module. */
  readonly module: string;
  /**
   * Its number in the BTF that describes it, by which it can have a trampoline; or why it can have none, in
   * words. Unknown by default.
   */
  readonly trampoline?: number | string;
  /** Struct that the packet parameter points to. */
  readonly struct: PacketStruct;
  /** Number of the packet parameter in the C parameter list, from 1. */
  readonly position: number;
  /**
   * Number of the integer register it arrives in, 1 to 6 (rdi, rsi, rdx, rcx, r8, r9 on x86-64). It
   * differs from {@linkcode position} after a struct passed by value.
   */
  readonly register: number;
  /** Levels of pointer: 1 for `struct sk_buff *`, 2 for `struct sk_buff **`. */
  readonly indirection: 1 | 2;
  /** Address of the entry from kallsyms; `null` if unknown (BTF only, or hidden). */
  readonly address: bigint | null;
}

/** A function that takes a packet but is skipped, with the reason in words. */
export interface SkippedFunction {
  readonly name: string;
  readonly module: string;
  readonly reason: string;
}
