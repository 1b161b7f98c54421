/**
 * The headers of a recorded packet and of the one in its tunnel, as far as they were recorded.
 *
 * @module
 */

const ETHERNET_BYTES = 14;
const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLANS: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const [UDP, GRE, IPV6_FRAGMENT] = [17, 47, 44];
const GRE_MPLS = 0x8847;
const VXLAN_PORT = 4789;
const MPLS_PORTS: ReadonlySet<number> = new Set([6635, 51234]);

/** A header, and where it starts. */
interface Header {
  readonly kind: "ethernet" | "arp" | "ipv4" | "ipv6";
  readonly at: number;
}

/** Of the destination's address: from the start of the header. */
const DESTINATIONS: Readonly<Record<Header["kind"], { at: number; bytes: number }>> = {
  ethernet: { at: 0, bytes: 6 },
  // The address that is asked for.
  arp: { at: 24, bytes: 4 },
  ipv4: { at: 16, bytes: 4 },
  ipv6: { at: 24, bytes: 16 },
};

/**
 * Whether a frame, or the one in its tunnel, goes to a MAC, IPv4 or IPv6 address, or asks for it by ARP.
 *
 * @param frame from its Ethernet header on
 * @param address 6, 4 or 16 bytes
 */
export function isDestination(frame: Uint8Array, address: Uint8Array): boolean {
  for (const { kind, at } of headers(frame)) {
    const destination = DESTINATIONS[kind];
    if (address.length !== destination.bytes) continue;
    const start = at + destination.at;
    if (start + address.length > frame.length) continue;
    if (address.every((byte, index) => frame[start + index] === byte)) return true;
  }
  return false;
}

/**
 * Whether a packet, or the one in its tunnel, is a fragment other than the first; `null` if it is no IP
 * packet, or its header was not recorded.
 */
export function isLaterFragment(frame: Uint8Array): boolean | null {
  let fragment: boolean | null = null;
  for (const { kind, at } of headers(frame)) {
    if (kind === "ipv4") fragment = isOffset(word(frame, at + 6), 0x1fff);
    if (kind === "ipv6") {
      fragment = frame[at + 6] === IPV6_FRAGMENT ? isOffset(word(frame, at + 42), 0xfff8) : false;
    }
  }
  return fragment;
}

function isOffset(value: number, mask: number): boolean | null {
  return value < 0 ? null : (value & mask) !== 0;
}

/** The headers from the outermost on. */
function* headers(frame: Uint8Array): Generator<Header> {
  yield* ofFrame(frame, 0, true);
}

/** @param outer whether a tunnel in it counts */
function* ofFrame(frame: Uint8Array, at: number, outer: boolean): Generator<Header> {
  yield { kind: "ethernet", at };
  let type = word(frame, at + 12);
  let next = at + ETHERNET_BYTES;
  if (VLANS.has(type)) {
    type = word(frame, next + 2);
    next += 4;
  }
  if (type === ARP) yield { kind: "arp", at: next };
  else if (type === IPV4 || type === IPV6) yield* ofIp(frame, next, outer);
}

function* ofIp(frame: Uint8Array, at: number, outer: boolean): Generator<Header> {
  const isV4 = frame[at]! >>> 4 === 4;
  yield { kind: isV4 ? "ipv4" : "ipv6", at };
  if (!outer) return;
  const protocol = frame[at + (isV4 ? 9 : 6)];
  const next = at + (isV4 ? 4 * (frame[at]! & 0xf) : 40);
  if (protocol === UDP) {
    const port = word(frame, next + 2);
    if (port === VXLAN_PORT) yield* ofFrame(frame, next + 16, false);
    else if (MPLS_PORTS.has(port)) yield* ofLabels(frame, next + 8);
  } else if (protocol === GRE && word(frame, next + 2) === GRE_MPLS) {
    const flags = frame[next]!;
    // Checksum, key and sequence number.
    const options = (flags >>> 7) + ((flags >>> 5) & 1) + ((flags >>> 4) & 1);
    yield* ofLabels(frame, next + 4 + 4 * options);
  }
}

/** Behind one or two MPLS labels: IP or Ethernet. */
function* ofLabels(frame: Uint8Array, at: number): Generator<Header> {
  const next = at + ((frame[at + 2]! & 1) === 1 ? 4 : 8);
  const version = frame[next]! >>> 4;
  if (version === 4 || version === 6) yield* ofIp(frame, next, false);
  else yield* ofFrame(frame, next, false);
}

/** 16 bits; -1 if they were not recorded. */
function word(bytes: Uint8Array, at: number): number {
  return at + 2 > bytes.length ? -1 : bytes[at]! << 8 | bytes[at + 1]!;
}
