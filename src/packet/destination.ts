/**
 * Whether an address is a packet's destination.
 *
 * @module
 */

const ETHERNET_BYTES = 14;
const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLANS: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const [UDP, GRE] = [17, 47];
const VXLAN_PORT = 4789;
const MPLS_PORTS: ReadonlySet<number> = new Set([6635, 51234]);

/**
 * Whether a frame, or the one in its tunnel, goes to a MAC, IPv4 or IPv6 address, or asks for it by ARP.
 *
 * @param frame from its Ethernet header on, as far as it was recorded
 * @param address 6, 4 or 16 bytes
 */
export function isDestination(frame: Uint8Array, address: Uint8Array): boolean {
  return ofFrame(frame, 0, address, true);
}

/** @param outer whether a tunnel in it counts */
function ofFrame(frame: Uint8Array, at: number, address: Uint8Array, outer: boolean): boolean {
  if (address.length === 6 && equal(frame, at, address)) return true;
  let type = word(frame, at + 12);
  let next = at + ETHERNET_BYTES;
  if (VLANS.has(type)) {
    type = word(frame, next + 2);
    next += 4;
  }
  if (type === ARP) return address.length === 4 && equal(frame, next + 24, address);
  return (type === IPV4 || type === IPV6) && ofIp(frame, next, address, outer);
}

function ofIp(frame: Uint8Array, at: number, address: Uint8Array, outer: boolean): boolean {
  const isV4 = frame[at]! >>> 4 === 4;
  if (address.length === (isV4 ? 4 : 16) && equal(frame, at + (isV4 ? 16 : 24), address)) {
    return true;
  }
  if (!outer) return false;
  const protocol = frame[at + (isV4 ? 9 : 6)];
  const next = at + (isV4 ? 4 * (frame[at]! & 0xf) : 40);
  if (protocol === UDP) {
    const port = word(frame, next + 2);
    if (port === VXLAN_PORT) return ofFrame(frame, next + 16, address, false);
    return MPLS_PORTS.has(port) && ofLabels(frame, next + 8, address);
  }
  if (protocol !== GRE || word(frame, next + 2) !== 0x8847) return false;
  const flags = frame[next]!;
  // Checksum, key and sequence number.
  const options = (flags >>> 7) + ((flags >>> 5) & 1) + ((flags >>> 4) & 1);
  return ofLabels(frame, next + 4 + 4 * options, address);
}

/** Behind one or two MPLS labels: IP or Ethernet. */
function ofLabels(frame: Uint8Array, at: number, address: Uint8Array): boolean {
  const next = at + ((frame[at + 2]! & 1) === 1 ? 4 : 8);
  const version = frame[next]! >>> 4;
  return version === 4 || version === 6
    ? ofIp(frame, next, address, false)
    : ofFrame(frame, next, address, false);
}

function word(bytes: Uint8Array, at: number): number {
  return at + 2 > bytes.length ? -1 : bytes[at]! << 8 | bytes[at + 1]!;
}

function equal(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  return at + address.length <= bytes.length &&
    address.every((byte, index) => bytes[at + index] === byte);
}
