/**
 * Two groups of packets, by a filter for each.
 *
 * @module
 */

import type { ClassicInstruction } from "./classic.ts";
import { innerFrame } from "./decode.ts";
import type { Instruction } from "./ebpf.ts";
import { compileEither } from "./expression.ts";
import { Libpcap } from "./libpcap.ts";

/** Tells which of two filters a packet matches, in any of its layers as a trace does. Use it with `using`. */
export class TwoGroups implements Disposable {
  /** For the kernel: matches what either does. */
  readonly filter: readonly Instruction[];
  readonly #libpcap: Libpcap;
  readonly #programs: readonly [readonly ClassicInstruction[], readonly ClassicInstruction[]];

  private constructor(libpcap: Libpcap, expressions: readonly [string, string]) {
    const { programs, filter } = compileEither(libpcap, expressions);
    this.filter = filter;
    this.#libpcap = libpcap;
    this.#programs = programs;
  }

  /**
   * Compiles the filters. Names of hosts are looked up, as tcpdump does.
   *
   * @throws {Failure} of the kind `expression` with libpcap's words
   */
  static async open(expressions: readonly [one: string, other: string]): Promise<TwoGroups> {
    const libpcap = await Libpcap.open();
    try {
      return new TwoGroups(libpcap, expressions);
    } catch (error) {
      libpcap[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The group of a packet: that of the first filter which it matches.
   *
   * @param bytes its first, from an Ethernet header on, its own or a made-up one
   * @param length of the whole packet
   * @returns `null` if it matches none, as far as its bytes tell
   */
  groupOf(bytes: Uint8Array, length: number): 0 | 1 | null {
    const outer = { bytes: new Uint8Array(bytes), length };
    const inner = innerFrame(bytes, length);
    const frames = inner === null ? [outer] : [outer, inner];
    for (const group of [0, 1] as const) {
      const program = this.#programs[group];
      const matches = frames.some((frame) =>
        this.#libpcap.matches(program, frame.bytes, frame.length)
      );
      if (matches) return group;
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#libpcap[Symbol.dispose]();
  }
}
