/**
 * Whether a packet of a recording matches the user's filters, as bpf/packet_filter.h tells it in the kernel.
 *
 * @module
 */

import { viewOf } from "../sys/view.ts";
import { FRAME_BYTES, type Instruction, MATCH, NO_MATCH, UNDECIDED } from "./ebpf.ts";
import { run } from "./ebpf_interpreter.ts";
import type { PacketFilter } from "./expression.ts";

const ETHERNET_BYTES = 14;
const VLAN_BYTES = 4;
const VLAN_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const [IPV4, IPV6, MPLS] = [0x0800, 0x86dd, 0x8847];
const [UDP, GRE] = [17, 47];
const VXLAN_PORT = 4789;
const MPLS_PORTS: ReadonlySet<number> = new Set([6635, 51234]);

/** A frame as far as it is at hand. */
interface Frame {
  readonly bytes: Uint8Array;
  /** With the rest of it. */
  readonly length: number;
}

/** The tunnel that a packet is in: with the innermost of its MPLS labels, or its VXLAN network identifier. */
export interface TunnelNumber {
  readonly kind: "mpls" | "vxlan";
  readonly number: number;
}

/** A frame that another one carries, in a tunnel. */
interface InnerFrame extends Frame {
  readonly tunnel: TunnelNumber;
}

/**
 * The tunnel that a packet is in.
 *
 * @param bytes of it, as for {@linkcode packetMatches}
 * @returns `null` also if the bytes do not tell
 */
export function findTunnel(bytes: Uint8Array, length: number): TunnelNumber | null {
  const found = innerOf({ bytes: bytes.subarray(0, FRAME_BYTES), length });
  return typeof found === "number" ? null : found.tunnel;
}

/**
 * Applies the filters.
 *
 * @param bytes the first of the packet, from an Ethernet header on, its own or a made-up one
 * @param length of the whole packet
 * @returns `NO_MATCH`, `MATCH`, or `UNDECIDED` if the bytes do not tell
 */
export function packetMatches(filter: PacketFilter, bytes: Uint8Array, length: number): number {
  const { any, outer, inner } = filter;
  const frame = { bytes: bytes.subarray(0, FRAME_BYTES), length };
  const ofOuter = outer === null ? MATCH : apply(outer, frame);
  const ofAny = any === null ? MATCH : apply(any, frame);
  if (ofOuter === NO_MATCH) return NO_MATCH;
  if (ofAny === MATCH && inner === null) return ofOuter;
  const found = innerOf(frame);
  const within = (program: readonly Instruction[] | null): number =>
    typeof found === "number" ? found : program === null ? MATCH : apply(program, found);
  const either = any === null ? MATCH : eitherOf(ofAny, within(any));
  return both(inner === null ? either : both(either, within(inner)), ofOuter);
}

function apply(program: readonly Instruction[], { bytes, length }: Frame): number {
  return run(program, bytes, bytes.length, length);
}

function both(a: number, b: number): number {
  if (a === NO_MATCH || b === NO_MATCH) return NO_MATCH;
  return a === MATCH && b === MATCH ? MATCH : UNDECIDED;
}

function eitherOf(a: number, b: number): number {
  if (a === MATCH || b === MATCH) return MATCH;
  return a === NO_MATCH && b === NO_MATCH ? NO_MATCH : UNDECIDED;
}

/** The frame that another one carries; `NO_MATCH` if it carries none, `UNDECIDED` if that is not at hand. */
function innerOf(frame: Frame): InnerFrame | number {
  const { bytes, length } = frame;
  const view = viewOf(bytes);
  const missing = bytes.length < length ? UNDECIDED : NO_MATCH;
  let at = 0;
  const has = (count: number): boolean => at + count <= bytes.length;

  if (!has(ETHERNET_BYTES)) return missing;
  let type = view.getUint16(12);
  at = ETHERNET_BYTES;
  if (VLAN_TYPES.has(type)) {
    if (!has(VLAN_BYTES)) return missing;
    type = view.getUint16(at + 2);
    at += VLAN_BYTES;
  }

  let protocol: number;
  if (type === IPV4) {
    if (!has(20)) return missing;
    // Only the first fragment has the next header.
    if ((view.getUint16(at + 6) & 0x1fff) !== 0) return NO_MATCH;
    protocol = bytes[at + 9]!;
    at += (bytes[at]! & 0xf) * 4;
  } else if (type === IPV6) {
    if (!has(40)) return missing;
    protocol = bytes[at + 6]!;
    at += 40;
  } else {
    return NO_MATCH;
  }

  if (protocol === UDP) {
    if (!has(8)) return missing;
    const port = view.getUint16(at + 2);
    at += 8;
    if (port === VXLAN_PORT) {
      if (!has(8)) return missing;
      const tunnel = { kind: "vxlan", number: view.getUint32(at + 4) >>> 8 } as const;
      at += 8;
      return { bytes: bytes.subarray(at), length: length - at, tunnel };
    }
    if (!MPLS_PORTS.has(port)) return NO_MATCH;
  } else if (protocol === GRE) {
    if (!has(4)) return missing;
    if (view.getUint16(at + 2) !== MPLS || (bytes[at + 1]! & 7) !== 0) return NO_MATCH;
    const flags = bytes[at]!;
    at += 4 + (flags >>> 7) * 4 + (flags >>> 5 & 1) * 4 + (flags >>> 4 & 1) * 4;
  } else {
    return NO_MATCH;
  }

  let number: number;
  for (let label = 0;; label++) {
    if (!has(4)) return missing;
    number = view.getUint32(at) >>> 12;
    const isBottom = (bytes[at + 2]! & 1) !== 0;
    at += 4;
    if (isBottom) break;
    if (label === 1) return NO_MATCH;
  }
  if (!has(1)) return missing;
  return { ...payloadOf(bytes, at, length), tunnel: { kind: "mpls", number } };
}

/** What follows the labels: Ethernet, or IP, which gets an Ethernet header. */
function payloadOf(bytes: Uint8Array, at: number, length: number): Frame {
  const version = bytes[at]! >>> 4;
  const type = version === 4 ? IPV4 : version === 6 ? IPV6 : 0;
  if (type === 0) return { bytes: bytes.subarray(at), length: length - at };
  const frame = new Uint8Array(ETHERNET_BYTES + bytes.length - at);
  frame.set([type >>> 8, type & 0xff], ETHERNET_BYTES - 2);
  frame.set(bytes.subarray(at), ETHERNET_BYTES);
  return { bytes: frame, length: ETHERNET_BYTES + length - at };
}
