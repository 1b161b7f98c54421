/**
 * Encapsulations: VXLAN, MPLS over UDP and GRE, GRE.
 *
 * @module
 */

import type { Cursor } from "./cursor.ts";
import { ETHERTYPE } from "./ethernet.ts";
import type { Damage, Tunnel, TunnelKind } from "./headers.ts";

/** What a tunnel carries. */
export type Payload = "ethernet" | "ipv4" | "ipv6";

/** A tunnel, as far as it could be read. */
export interface TunnelResult {
  readonly tunnel: Tunnel | null;
  /** What the cursor stands at; `null` if there is nothing that can be decoded. */
  readonly payload: Payload | null;
  readonly damage: Damage | null;
}

const NO_TUNNEL: TunnelResult = { tunnel: null, payload: null, damage: null };

const VXLAN_PORT = 4789;
/** That of RFC 7510, and vrouter's older one. */
const MPLS_PORTS: readonly number[] = [6635, 51234];

/** What is behind a UDP header. */
export function readUdpTunnel(cursor: Cursor, destinationPort: number): TunnelResult {
  if (destinationPort === VXLAN_PORT) return readVxlan(cursor);
  return MPLS_PORTS.includes(destinationPort) ? readMpls(cursor, "MPLSoUDP") : NO_TUNNEL;
}

function readVxlan(cursor: Cursor): TunnelResult {
  const header = cursor.take(8);
  if (header === null) return cut("VXLAN", []);
  const vni = header.getUint32(4) >>> 8;
  return { tunnel: { kind: "VXLAN", labels: [], vni }, payload: "ethernet", damage: null };
}

/** GRE (RFC 2784, RFC 2890). */
export function readGre(cursor: Cursor): TunnelResult {
  const header = cursor.take(4);
  if (header === null) return cut("GRE", []);
  const flags = header.getUint16(0);
  const type = header.getUint16(2);
  // Of PPTP, and of RFC 1701 with source routes.
  if ((flags & 0x4007) !== 0) return { ...NO_TUNNEL, tunnel: tunnelOf("GRE", []) };
  // Checksum, key and sequence number.
  const words = (flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1);
  if (cursor.take(4 * words) === null) {
    return cut(type === ETHERTYPE.MPLS ? "MPLSoGRE" : "GRE", []);
  }
  if (type === ETHERTYPE.MPLS) return readMpls(cursor, "MPLSoGRE");
  return { tunnel: tunnelOf("GRE", []), payload: payloadOf(type), damage: null };
}

function payloadOf(type: number): Payload | null {
  switch (type) {
    case ETHERTYPE.IPV4:
      return "ipv4";
    case ETHERTYPE.IPV6:
      return "ipv6";
    case ETHERTYPE.BRIDGED:
      return "ethernet";
    default:
      return null;
  }
}

/** A stack of MPLS labels, and the control word that vrouter puts in front of multicast's Ethernet. */
export function readMpls(cursor: Cursor, kind: TunnelKind): TunnelResult {
  const labels: number[] = [];
  for (let isLast = false; !isLast;) {
    const entry = cursor.take(4);
    if (entry === null) return cut(kind, labels);
    labels.push(entry.getUint32(0) >>> 12);
    isLast = (entry.getUint8(2) & 1) === 1;
  }
  const tunnel = tunnelOf(kind, labels);
  const first = cursor.peek(1);
  if (first === null) return cut(kind, labels);
  // Only the label's nexthop knows. As the filters see it: a version of IP, or else Ethernet.
  const version = first.getUint8(0) >> 4;
  if (version === 4) return { tunnel, payload: "ipv4", damage: null };
  if (version === 6) return { tunnel, payload: "ipv6", damage: null };
  if (cursor.peek(4)?.getUint32(0) === 0) cursor.take(4);
  return { tunnel, payload: "ethernet", damage: null };
}

function tunnelOf(kind: TunnelKind, labels: readonly number[]): Tunnel {
  return { kind, labels, vni: null };
}

function cut(kind: TunnelKind, labels: readonly number[]): TunnelResult {
  return { tunnel: tunnelOf(kind, labels), payload: null, damage: "truncated" };
}
