/**
 * Classic BPF: the programs that libpcap compiles filters to.
 *
 * @module
 */

/** `struct bpf_insn` of libpcap, `struct sock_filter` of the kernel. */
export interface ClassicInstruction {
  /** Class, and what that class defines: 16 bits. */
  readonly code: number;
  /** Instructions to skip if a jump's condition is true, 0 to 255. */
  readonly jt: number;
  /** And if it is false. */
  readonly jf: number;
  /** The operand, an unsigned 32-bit number. */
  readonly k: number;
}

/** Bytes of an instruction in memory. */
export const CLASSIC_BYTES = 8;

/** Reads instructions from memory, as libpcap leaves them. */
export function readClassic(bytes: ArrayBuffer): ClassicInstruction[] {
  const view = new DataView(bytes);
  return Array.from({ length: bytes.byteLength / CLASSIC_BYTES }, (_, index) => {
    const at = index * CLASSIC_BYTES;
    return {
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}

/** The opposite of {@linkcode readClassic}. */
export function writeClassic(program: readonly ClassicInstruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * CLASSIC_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const at = index * CLASSIC_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  }
  return bytes;
}

/** `BPF_RET | BPF_K`, `BPF_JMP | BPF_JA`. */
const [RETURN, JUMP] = [0x06, 0x05];

/**
 * A program that matches what either of two matches. Written as one expression with `or`, the second
 * would look at the packet behind the headers that the first one names (`vlan`, `mpls`).
 */
export function either(
  one: readonly ClassicInstruction[],
  other: readonly ClassicInstruction[],
): ClassicInstruction[] {
  const first = one.map((instruction, index) => {
    const isMismatch = instruction.code === RETURN && instruction.k === 0;
    // Numbers to skip are 8 bits in a condition, and 32 in a plain jump.
    return isMismatch ? { code: JUMP, jt: 0, jf: 0, k: one.length - index - 1 } : instruction;
  });
  return [...first, ...other];
}
