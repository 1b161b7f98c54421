/**
 * The headers of a packet, decoded.
 *
 * @module
 */

/**
 * Why there is no more: the bytes at hand end within the header, or what it says of itself cannot be.
 */
export type Damage = "truncated" | "malformed";

/** Ethernet, with its VLAN tags. */
export interface Ethernet {
  /** `02:00:00:00:00:01`. */
  readonly source: string;
  readonly destination: string;
  /** VLAN ids, the outermost first. */
  readonly vlans: readonly number[];
  /** Of what follows the tags. */
  readonly type: number;
  /** No header of the packet's own: vrft puts one without addresses in front of a bare IP header. */
  readonly madeUp: boolean;
}

/** ARP for IPv4 over Ethernet (RFC 826). */
export interface Arp {
  readonly kind: "arp";
  /** 1 request, 2 reply. */
  readonly operation: number;
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetAddress: string;
}

/** IPv4 or IPv6. */
export interface Ip {
  readonly kind: "ip";
  readonly version: 4 | 6;
  /** `10.1.1.1`, `2001:db8::1` (RFC 5952). */
  readonly source: string;
  readonly destination: string;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** Protocol number of what follows options and extension headers; `null` if they are damaged. */
  readonly protocol: number | null;
  /** Offset of a fragment in bytes, 0 for the first; `null` if the packet is whole. */
  readonly fragment: number | null;
}

/** TCP, UDP or SCTP. */
export interface Ports {
  readonly kind: "ports";
  readonly source: number;
  readonly destination: number;
  /** Of TCP: nine flags, FIN (1) to AE (256); `null` of the others, or if they are not at hand. */
  readonly flags: number | null;
}

/** ICMP or ICMPv6. */
export interface Icmp {
  readonly kind: "icmp";
  readonly type: number;
  readonly code: number;
  /** Identifier of an echo request or reply. */
  readonly id: number | null;
  /** MTU of the next hop, where a packet was too big for it. */
  readonly mtu: number | null;
  /** Target of a neighbor solicitation or advertisement. */
  readonly target: string | null;
}

/** Encapsulations whose payload is decoded; MPLS alone is that directly in Ethernet. */
export type TunnelKind = "VXLAN" | "MPLSoUDP" | "MPLSoGRE" | "MPLS" | "GRE";

/** An encapsulation. */
export interface Tunnel {
  readonly kind: TunnelKind;
  /** MPLS labels, the outermost first. */
  readonly labels: readonly number[];
  /** VXLAN network identifier. */
  readonly vni: number | null;
}

/** A packet, without what it encapsulates. */
export interface Headers {
  readonly ethernet: Ethernet | null;
  readonly network: Arp | Ip | null;
  /** `null` of other protocols and later fragments, or if too little of it is at hand. */
  readonly transport: Ports | Icmp | null;
  readonly tunnel: Tunnel | null;
  /** Of these headers; that of an inner packet is its own. */
  readonly damage: Damage | null;
}

/** A packet. */
export interface DecodedPacket {
  /** On the wire, in bytes from the first header on. */
  readonly length: number;
  readonly outer: Headers;
  /** What its tunnel carries. */
  readonly inner: Headers | null;
}

/** Where a packet goes, as vrouter's flows tell it apart. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** `null` for protocols without, and in fragments but the first. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

/** Numbers of IP protocols. */
export const PROTOCOL = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  GRE: 47,
  ICMP6: 58,
  SCTP: 132,
} as const;

/** The 5-tuple of one layer; `null` if it is no IP, or too damaged to tell. */
export function tupleOf({ network, transport }: Headers): Tuple | null {
  if (network?.kind !== "ip" || network.protocol === null) return null;
  const ports = transport?.kind === "ports" ? transport : null;
  return {
    source: network.source,
    destination: network.destination,
    protocol: network.protocol,
    sourcePort: ports?.source ?? null,
    destinationPort: ports?.destination ?? null,
  };
}
