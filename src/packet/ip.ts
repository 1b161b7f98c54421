/**
 * IPv4 with options, IPv6 with extension headers.
 *
 * @module
 */

import { ipv4At, ipv6At } from "./addresses.ts";
import type { Cursor } from "./cursor.ts";
import type { Damage, Ip } from "./headers.ts";

/** An IP header, and what is wrong with it or its extensions. */
export interface IpResult {
  readonly ip: Ip | null;
  readonly damage: Damage | null;
}

/** IPv4; leaves the cursor at the payload. */
export function readIpv4(cursor: Cursor): IpResult {
  const header = cursor.peek(20);
  if (header === null) return { ip: null, damage: "truncated" };
  const headerLength = (header.getUint8(0) & 0xf) * 4;
  const totalLength = header.getUint16(2);
  if (header.getUint8(0) >> 4 !== 4 || headerLength < 20) return { ip: null, damage: "malformed" };
  // GSO packets above 64 kB have no length (BIG TCP, Linux 6.3).
  if (totalLength !== 0) {
    if (totalLength < headerLength) return { ip: null, damage: "malformed" };
    cursor.limit(totalLength);
  }
  const fragment = header.getUint16(6);
  const offset = (fragment & 0x1fff) * 8;
  const isFragment = offset !== 0 || (fragment & 0x2000) !== 0;
  const ip: Ip = {
    kind: "ip",
    version: 4,
    source: ipv4At(header, 12),
    destination: ipv4At(header, 16),
    ttl: header.getUint8(8),
    protocol: header.getUint8(9),
    fragment: isFragment ? offset : null,
  };
  return { ip, damage: cursor.take(headerLength) === null ? "truncated" : null };
}

/** IPv6 and its extension headers; leaves the cursor at the payload. */
export function readIpv6(cursor: Cursor): IpResult {
  const header = cursor.take(40);
  if (header === null) return { ip: null, damage: "truncated" };
  if (header.getUint8(0) >> 4 !== 6) return { ip: null, damage: "malformed" };
  const payloadLength = header.getUint16(4);
  // Zero for a jumbogram, or BIG TCP (Linux 5.19).
  if (payloadLength !== 0) cursor.limit(payloadLength);
  const { protocol, fragment, damage } = readExtensions(cursor, header.getUint8(6));
  const ip: Ip = {
    kind: "ip",
    version: 6,
    source: ipv6At(header, 8),
    destination: ipv6At(header, 24),
    ttl: header.getUint8(7),
    protocol,
    fragment,
  };
  return { ip, damage };
}

const FRAGMENT = 44;
const AUTHENTICATION = 51;

/** Hop-by-hop options, routing, destination options, mobility, HIP, Shim6: all of one form. */
const OPTIONS: readonly number[] = [0, 43, 60, 135, 139, 140];

interface Extensions {
  readonly protocol: number | null;
  readonly fragment: number | null;
  readonly damage: Damage | null;
}

function readExtensions(cursor: Cursor, first: number): Extensions {
  let fragment: number | null = null;
  let next = first;
  for (;;) {
    const isFragment = next === FRAGMENT;
    if (!isFragment && next !== AUTHENTICATION && !OPTIONS.includes(next)) break;
    const start = cursor.peek(8);
    if (start === null) return { protocol: null, fragment, damage: "truncated" };
    const words = start.getUint8(1);
    const length = next === AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8;
    if (isFragment) {
      const bits = start.getUint16(2);
      // Without offset and more to come it is whole (RFC 6946).
      if ((bits & 0xfff9) !== 0) fragment = bits & 0xfff8;
    }
    if (cursor.take(isFragment ? 8 : length) === null) {
      return { protocol: null, fragment, damage: "truncated" };
    }
    next = start.getUint8(0);
    // The rest of the chain is in the first fragment only.
    if (fragment !== null && fragment > 0) break;
  }
  return { protocol: next, fragment, damage: null };
}
