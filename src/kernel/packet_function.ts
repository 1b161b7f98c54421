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
   * Number of the argument that it arrives in: 1 to 6 are the integer registers (rdi, rsi, rdx, rcx, r8, r9
   * on x86-64), and those beyond are on the stack, numbered as a trampoline lists them: see
   * {@linkcode isOnStack}. It differs from {@linkcode position} after a struct passed by value.
   */
  readonly argument: number;
  /** Levels of pointer: 1 for `struct sk_buff *`, 2 for `struct sk_buff **`. */
  readonly indirection: 1 | 2;
  /** Address of the entry from kallsyms; `null` if unknown (BTF only, or hidden). */
  readonly address: bigint | null;
}

/** rdi, rsi, rdx, rcx, r8 and r9 of the System V ABI for x86-64. */
export const ARGUMENT_REGISTERS = 6;

/** Whether the packet arrives on the stack. Only trampolines list what is there. */
export function isOnStack({ argument }: Pick<PacketFunction, "argument">): boolean {
  return argument > ARGUMENT_REGISTERS;
}

/** Why a function whose packet {@linkcode isOnStack} is not traced, in words. */
export function whyOnStack(
  { position, trampoline }: Pick<PacketFunction, "position" | "trampoline">,
): string {
  const where = `parameter ${position} arrives on the stack`;
  return typeof trampoline === "string"
    ? `${where}, and it cannot have a trampoline: ${trampoline}`
    : `${where}, which only trampolines reach`;
}

/** A function that takes a packet but is skipped, with the reason in words. */
export interface SkippedFunction {
  readonly name: string;
  readonly module: string;
  readonly reason: string;
}
