/**
 * Builds packets header by header.
 *
 * @module
 */

import { u16 } from "./frames.ts";

type Bytes = readonly number[];

export const HOST: Bytes = [2, 0, 0, 0, 0, 1];
export const GATEWAY: Bytes = [0, 0, 0x5e, 0, 1, 0];
export const A4: Bytes = [10, 1, 1, 5];
export const B4: Bytes = [10, 1, 1, 6];
const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
export const A6: Bytes = [...V6, 5];
export const B6: Bytes = [...V6, 6];

/** `02:00:00:00:00:01` */
export function mac(bytes: Bytes): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** From HOST to GATEWAY. */
export function ethernet(type: number, payload: Bytes): number[] {
  return [...GATEWAY, ...HOST, ...u16(type), ...payload];
}

/** With the header's checksum, so that others do not complain. */
export function ipv4(
  protocol: number,
  from: Bytes,
  to: Bytes,
  payload: Bytes,
  { options = 0, fragment = 0, length }: { options?: number; fragment?: number; length?: number } =
    {},
): number[] {
  const total = length ?? 20 + options + payload.length;
  const before = [0x45 + options / 4, 0, ...u16(total), 0, 1, ...u16(fragment), 64, protocol];
  const behind = [...from, ...to, ...Array<number>(options).fill(1)];
  return [...before, ...u16(checksum([...before, 0, 0, ...behind])), ...behind, ...payload];
}

function checksum(header: Bytes): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header[at]! << 8 | header[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export function ipv6(next: number, from: Bytes, to: Bytes, payload: Bytes): number[] {
  return [0x60, 0, 0, 0, ...u16(payload.length), next, 64, ...from, ...to, ...payload];
}

/** A request (1) or reply (2) of HOST. */
export function arp(operation: number, sender: Bytes, target: Bytes): number[] {
  const start = [0, 1, 8, 0, 6, 4, ...u16(operation)];
  return ethernet(0x0806, [...start, ...HOST, ...sender, 0, 0, 0, 0, 0, 0, ...target]);
}

export function tcp(from: number, to: number, flags: number): number[] {
  return [...u16(from), ...u16(to), 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0];
}

export function udp(from: number, to: number, payload: Bytes): number[] {
  return [...u16(from), ...u16(to), ...u16(8 + payload.length), 0, 0, ...payload];
}

/** Of either version. @param rest what follows the checksum */
export function icmp(type: number, code: number, rest: Bytes): number[] {
  return [type, code, 0, 0, ...rest];
}

export function vxlan(vni: number, frame: Bytes): number[] {
  return [8, 0, 0, 0, vni >> 16, ...u16(vni), 0, ...frame];
}

/** One entry of a stack of MPLS labels. */
export function label(number: number, isLast: boolean): number[] {
  return [number >> 12, number >> 4 & 0xff, (number & 0xf) << 4 | (isLast ? 1 : 0), 64];
}

/** @param flags checksum 0x80, key 0x20, sequence number 0x10 */
export function gre(flags: number, type: number, payload: Bytes): number[] {
  const options = [0x80, 0x20, 0x10].flatMap((flag) => flags & flag ? [1, 2, 3, 4] : []);
  return [flags, 0, ...u16(type), ...options, ...payload];
}
