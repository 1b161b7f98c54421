/**
 * Packet filters in a loaded BPF object, applied to artificial sk_buffs.
 *
 * @module
 */

import {
  compileFilters,
  type Expressions,
  type PacketFilter,
} from "../../src/packet/expression.ts";
import { FRAME_BYTES } from "../../src/packet/ebpf.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { RecordProgram, verifiedInstructions } from "./bpf.ts";
import { builtObject } from "./built_object.ts";
import { SMALL } from "./loaded_object.ts";

/** `struct vrft_test_packet`: a sk_buff, then what its head points to. */
const PACKET_BYTES = 2048;
const DATA = 1024;
/** Offset of the packet from the head. */
const HEADROOM = 64;
/** Bytes of `struct frame`, whose first member says that it is busy. */
const FRAME_STRUCT_BYTES = 52 + 2 * FRAME_BYTES + 4;
const PROGRAM = "vrft_test_filter";

/** A sk_buff. Offsets are relative to its bytes. */
export interface SkBuff {
  readonly bytes: Uint8Array;
  /** Of the MAC header: 0 by default; `null` if not set. */
  readonly mac?: number | null;
  /** Of the network header: 14 by default; `null` if not set. */
  readonly network?: number | null;
  /** Of the data: that of the network header by default, as after eth_type_trans(). */
  readonly data?: number;
  /** All of its bytes; those at hand by default. */
  readonly length?: number;
  /** EtherType; by default that of the frame. */
  readonly protocol?: number;
  /** VLAN tag taken off, TPID first; 0, the default, for none. */
  readonly tag?: number;
}

/** What the program makes of a packet. */
export interface Answer {
  /** NO_MATCH, MATCH or UNDECIDED. */
  readonly result: number;
  /** `enum packet_tunnel`. */
  readonly tunnel: number;
  /** VNI or label. */
  readonly number: number;
}

/** The filters of a trace, in the kernel. */
export class FilterProgram implements Disposable {
  readonly #resources: DisposableStack;
  readonly #object: BpfObject;
  readonly #program: RecordProgram;
  readonly #cpus: number;

  private constructor(libbpf: Libbpf, filter: PacketFilter | null, resources: DisposableStack) {
    const programs = [{ name: PROGRAM }];
    this.#object = resources.use(
      BpfObject.load(libbpf, builtObject(), programs, { ...SMALL, filter }),
    );
    this.#cpus = libbpf.c.libbpf_num_possible_cpus();
    this.#program = RecordProgram.of(this.#object, PROGRAM);
    this.#resources = resources.move();
  }

  static async load(expressions: Partial<Expressions>): Promise<FilterProgram> {
    const { any = null, outer = null, inner = null } = expressions;
    return await FilterProgram.of(await compileFilters({ any, outer, inner }));
  }

  static async of(filter: PacketFilter | null): Promise<FilterProgram> {
    using resources = new DisposableStack();
    return new FilterProgram(resources.use(await Libbpf.open()), filter, resources);
  }

  /** Instructions that the verifier went through. */
  get steps(): number {
    return verifiedInstructions(this.#object.programFd(PROGRAM));
  }

  /** Leaves every CPU's frame as an interrupted program does. */
  occupy(): void {
    // Values of a per-CPU map are given for all of them, in units of 8 bytes.
    const bytes = this.#cpus * FRAME_STRUCT_BYTES;
    const value = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += FRAME_STRUCT_BYTES) value[at] = 1;
    this.#object.update("frames", new Uint8Array(4), value);
  }

  /** Applies the filters. */
  answer(packet: SkBuff): Answer {
    const { bytes, mac = 0, network = 14, length = bytes.length, tag = 0 } = packet;
    const data = packet.data ?? network ?? 14;
    const protocol = packet.protocol ?? ((bytes[12] ?? 0) << 8 | (bytes[13] ?? 0));
    const value = new Uint8Array(PACKET_BYTES);
    value.set(bytes, DATA + HEADROOM);
    this.#object.update("test_packet", new Uint8Array(4), value);
    const place = (at: number | null, unset: number): bigint =>
      BigInt(at === null ? unset : HEADROOM + at);
    const swapped = (protocol & 0xff) << 8 | protocol >> 8;
    const offsets = place(mac, 0xffff) | place(network, 0) << 16n | place(data, 0) << 32n |
      BigInt(swapped) << 48n;
    const lengths = (length - data) + (bytes.length - data) * 2 ** 32;
    const said = this.#program.run(offsets, lengths, BigInt(tag));
    return { result: said & 3, tunnel: said >> 2 & 3, number: said >>> 4 };
  }

  /** Only the result. */
  result(packet: SkBuff): number {
    return this.answer(packet).result;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
