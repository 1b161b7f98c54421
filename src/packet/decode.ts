/**
 * The first bytes of a packet to its headers.
 *
 * @module
 */

import { Cursor } from "./cursor.ts";
import { ETHERTYPE, readArp, readEthernet } from "./ethernet.ts";
import {
  type DecodedPacket,
  type Headers,
  type Icmp,
  type Ip,
  type Ports,
  PROTOCOL,
  type TunnelKind,
} from "./headers.ts";
import { type IpResult, readIpv4, readIpv6 } from "./ip.ts";
import { readIcmp, readSctp, readTcp, readUdp, type TransportResult } from "./transport.ts";
import { type Payload, readGre, readMpls, readUdpTunnel, type TunnelResult } from "./tunnel.ts";

/** Headers being read, and what is behind them. */
interface Layer extends Headers {
  readonly payload: Payload | null;
}

const NOTHING: Layer = {
  ethernet: null,
  network: null,
  transport: null,
  tunnel: null,
  damage: null,
  payload: null,
};

/**
 * Decodes the headers of a packet and of the one that it encapsulates. Never fails: what cannot be read
 * is left out, and `damage` of the layer says why.
 *
 * @param bytes its first bytes, from an Ethernet header on: its own or, as the BPF programs record it, a
 *   made-up one in front of a bare IP header
 * @param length of the whole packet, likewise
 */
export function decodePacket(bytes: Uint8Array, length: number): DecodedPacket {
  const cursor = new Cursor(bytes);
  const { payload, ...outer } = readLayer(cursor, "ethernet");
  if (payload === null) return { length, outer, inner: null };
  // A tunnel in the tunnel is named, but not looked into.
  const { payload: _, ...inner } = readLayer(cursor, payload);
  return { length, outer, inner };
}

/** A frame that another one encapsulates, as filters see it. */
export interface InnerFrame {
  /** Its first bytes; a bare IP header has a made-up one of Ethernet in front, as the outer one may. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the whole frame. */
  readonly length: number;
}

/** Tunnels that filters look into, up to so many labels: `bpf/packet_filter.h`. */
const MAX_LABELS = 2;
const FILTERED: readonly TunnelKind[] = ["VXLAN", "MPLSoUDP", "MPLSoGRE"];

/**
 * What a frame encapsulates, as far as filters look into it; `null` if there is nothing.
 *
 * @param bytes see {@linkcode decodePacket}
 * @param length of the whole packet
 */
export function innerFrame(bytes: Uint8Array, length: number): InnerFrame | null {
  const cursor = new Cursor(bytes);
  const { payload, tunnel } = readLayer(cursor, "ethernet");
  if (payload === null || tunnel === null || !FILTERED.includes(tunnel.kind)) return null;
  if (tunnel.labels.length > MAX_LABELS) return null;
  const rest = bytes.subarray(cursor.passed);
  const type = payload === "ipv4" ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
  const front = payload === "ethernet" ? [] : [...MADE_UP, type >> 8, type & 0xff];
  const frame = new Uint8Array(front.length + rest.length);
  frame.set(front);
  frame.set(rest, front.length);
  return { bytes: frame, length: front.length + length - cursor.passed };
}

/** Addresses of a made-up Ethernet header. */
const MADE_UP: readonly number[] = new Array<number>(12).fill(0);

function readLayer(cursor: Cursor, start: Payload): Layer {
  switch (start) {
    case "ethernet":
      return readFrame(cursor);
    case "ipv4":
      return readPacket(cursor, readIpv4(cursor));
    case "ipv6":
      return readPacket(cursor, readIpv6(cursor));
  }
}

function readFrame(cursor: Cursor): Layer {
  const { ethernet, damage } = readEthernet(cursor);
  if (ethernet === null || damage !== null) return { ...NOTHING, ethernet, damage };
  switch (ethernet.type) {
    case ETHERTYPE.IPV4:
      return { ...readPacket(cursor, readIpv4(cursor)), ethernet };
    case ETHERTYPE.IPV6:
      return { ...readPacket(cursor, readIpv6(cursor)), ethernet };
    case ETHERTYPE.MPLS:
      return { ...NOTHING, ethernet, ...readMpls(cursor, "MPLS") };
    case ETHERTYPE.ARP: {
      const arp = readArp(cursor);
      if (typeof arp === "string") return { ...NOTHING, ethernet, damage: arp };
      return { ...NOTHING, ethernet, network: arp };
    }
    default:
      return { ...NOTHING, ethernet };
  }
}

function readPacket(cursor: Cursor, { ip, damage }: IpResult): Layer {
  const layer = { ...NOTHING, network: ip, damage };
  // Only the first fragment has the next header.
  const isWhole = ip !== null && damage === null && !ip.fragment;
  if (!isWhole) return layer;
  if (ip.protocol === PROTOCOL.GRE) return { ...layer, ...readGre(cursor) };
  const { transport, damage: cut } = readTransport(cursor, ip);
  const tunnel = cut === null ? readTunnel(cursor, ip, transport) : {};
  return { ...layer, transport, damage: cut, ...tunnel };
}

function readTransport(cursor: Cursor, { protocol, version }: Ip): TransportResult {
  switch (protocol) {
    case PROTOCOL.TCP:
      return readTcp(cursor);
    case PROTOCOL.UDP:
      return readUdp(cursor);
    case PROTOCOL.SCTP:
      return readSctp(cursor);
    case PROTOCOL.ICMP:
    case PROTOCOL.ICMP6:
      // Each means nothing in the other version of IP.
      if ((protocol === PROTOCOL.ICMP6) === (version === 6)) return readIcmp(cursor, protocol);
      return { transport: null, damage: null };
    default:
      return { transport: null, damage: null };
  }
}

function readTunnel(
  cursor: Cursor,
  { protocol }: Ip,
  transport: Ports | Icmp | null,
): Partial<TunnelResult> {
  const isUdp = protocol === PROTOCOL.UDP && transport?.kind === "ports";
  return isUdp ? readUdpTunnel(cursor, transport.destination) : {};
}
