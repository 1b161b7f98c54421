/**
 * TCP, UDP, SCTP, ICMP, ICMPv6.
 *
 * The bytes of a packet that are recorded often end in one of these: what of it is there is used.
 *
 * @module
 */

import { ipv6At } from "./addresses.ts";
import type { Cursor } from "./cursor.ts";
import { type Damage, type Icmp, type Ports, PROTOCOL } from "./headers.ts";

/** The start of a header that is there, and what is wrong with the rest. */
export interface TransportResult {
  readonly transport: Ports | Icmp | null;
  readonly damage: Damage | null;
}

const TRUNCATED: TransportResult = { transport: null, damage: "truncated" };

/** TCP. */
export function readTcp(cursor: Cursor): TransportResult {
  const transport = readPorts(cursor);
  if (transport === null) return TRUNCATED;
  const rest = cursor.take(10);
  if (rest === null) return { transport, damage: "truncated" };
  const offsetAndFlags = rest.getUint16(8);
  if (offsetAndFlags >> 12 < 5) return { transport, damage: "malformed" };
  return { transport: { ...transport, flags: offsetAndFlags & 0x1ff }, damage: null };
}

/** UDP; leaves the cursor at the payload. */
export function readUdp(cursor: Cursor): TransportResult {
  const transport = readPorts(cursor);
  if (transport === null) return TRUNCATED;
  return { transport, damage: cursor.take(4) === null ? "truncated" : null };
}

/** SCTP. */
export function readSctp(cursor: Cursor): TransportResult {
  const transport = readPorts(cursor);
  return transport === null ? TRUNCATED : { transport, damage: null };
}

function readPorts(cursor: Cursor): Ports | null {
  const ports = cursor.take(4);
  if (ports === null) return null;
  return {
    kind: "ports",
    source: ports.getUint16(0),
    destination: ports.getUint16(2),
    flags: null,
  };
}

const UNREACHABLE = 3;
const NEED_TO_FRAGMENT = 4;
const PACKET_TOO_BIG = 2;
const NEIGHBOR_SOLICITATION = 135;
const NEIGHBOR_ADVERTISEMENT = 136;

/** ICMP, or ICMPv6 if that is the protocol. */
export function readIcmp(cursor: Cursor, protocol: number): TransportResult {
  const header = cursor.take(4);
  if (header === null) return TRUNCATED;
  const isSix = protocol === PROTOCOL.ICMP6;
  const [type, code] = [header.getUint8(0), header.getUint8(1)];
  const bare: Icmp = { kind: "icmp", type, code, id: null, mtu: null, target: null };
  const rest = cursor.take(4);
  if (rest === null) return { transport: bare, damage: "truncated" };
  const known = (more: Partial<Icmp>): TransportResult => ({
    transport: { ...bare, ...more },
    damage: null,
  });
  if (!isSix) {
    if (type === 0 || type === 8) return known({ id: rest.getUint16(0) });
    const isTooBig = type === UNREACHABLE && code === NEED_TO_FRAGMENT;
    return known(isTooBig ? { mtu: rest.getUint16(2) } : {});
  }
  switch (type) {
    case 128:
    case 129:
      return known({ id: rest.getUint16(0) });
    case PACKET_TOO_BIG:
      return known({ mtu: rest.getUint32(0) });
    case NEIGHBOR_SOLICITATION:
    case NEIGHBOR_ADVERTISEMENT: {
      const target = cursor.take(16);
      if (target === null) return { transport: bare, damage: "truncated" };
      return known({ target: ipv6At(target, 0) });
    }
    default:
      return known({});
  }
}
