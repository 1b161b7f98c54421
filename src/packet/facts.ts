/**
 * What a decoded packet says about why it was dropped.
 *
 * @module
 */

import type { DecodedPacket, Headers } from "./headers.ts";

/**
 * Whether a packet, or the one in its tunnel, goes to an address, or asks for it by ARP.
 *
 * @param address MAC, IPv4 or IPv6 address in words
 */
export function isDestination({ outer, inner }: DecodedPacket, address: string): boolean {
  return [outer, inner].some((layer) => layer !== null && goesTo(layer, address));
}

/** Where an Ethernet header has its destination, and an IPv4 header behind it. */
const PLAIN_MAC = 0;
const PLAIN_IPV4 = 30;

/**
 * Whether a packet goes to an address, of those alone that can be told without decoding it.
 *
 * @param bytes see `decodePacket()`
 * @param address 6 bytes of a MAC address, or 4 of an IPv4 address
 */
export function isPlainDestination(bytes: Uint8Array, address: Uint8Array): boolean {
  const isIpv4 = address.length === 4;
  if (address.length > 6) return false;
  if (isIpv4 && (bytes[12] !== 0x08 || bytes[13] !== 0)) return false;
  const at = isIpv4 ? PLAIN_IPV4 : PLAIN_MAC;
  for (let index = 0; index < address.length; index++) {
    if (bytes[at + index] !== address[index]) return false;
  }
  return true;
}

/** Whether a packet, or the one in its tunnel, comes from an address, in words. */
export function isSource({ outer, inner }: DecodedPacket, address: string): boolean {
  return [outer, inner].some((layer) => layer !== null && comesFrom(layer, address));
}

function comesFrom({ ethernet, network }: Headers, address: string): boolean {
  if (ethernet !== null && !ethernet.madeUp && ethernet.source === address) return true;
  if (network?.kind === "arp") return [network.senderAddress, network.senderMac].includes(address);
  return network?.source === address;
}

function goesTo({ ethernet, network }: Headers, address: string): boolean {
  if (ethernet !== null && !ethernet.madeUp && ethernet.destination === address) return true;
  if (network === null) return false;
  return address === (network.kind === "arp" ? network.targetAddress : network.destination);
}

/** Whether a packet, or the one in its tunnel, is of IPv6; `null` if it is no IP packet. */
export function isIpv6({ outer, inner }: DecodedPacket): boolean | null {
  const network = (inner ?? outer).network;
  return network?.kind === "ip" ? network.version === 6 : null;
}

/**
 * Whether a packet, or the one in its tunnel, is a fragment other than the first; `null` if it is no IP
 * packet, or its header was not recorded.
 */
export function isLaterFragment({ outer, inner }: DecodedPacket): boolean | null {
  const network = (inner ?? outer).network;
  return network?.kind === "ip" ? (network.fragment ?? 0) > 0 : null;
}
