/**
 * Packets in words like tcpdump's.
 *
 * @module
 */

import { decodePacket } from "./decode.ts";
import {
  type Arp,
  type Damage,
  type DecodedPacket,
  type Headers,
  type Ip,
  PROTOCOL,
} from "./headers.ts";
import { icmpWords } from "./icmp_words.ts";

/**
 * A packet on one line: `10.1.9.8 > 10.30.0.9 tcp 40112 > 443 S, 74 bytes`,
 * `10.0.0.2 > 10.0.0.1 MPLSoUDP label 31 | 10.1.1.7 > 10.1.1.5 icmp echo reply`,
 * `arp who-has 10.1.1.2 tell 10.1.1.1`.
 *
 * @param bytes see {@linkcode decodePacket}
 * @param length of the whole packet
 */
export function describePacket(bytes: Uint8Array, length: number): string {
  return describe(decodePacket(bytes, length));
}

/** {@linkcode describePacket} of a packet that is decoded. */
export function describe({ length, outer, inner }: DecodedPacket): string {
  if (inner !== null) return `${layerWords(outer)} | ${layerWords(inner)}`;
  const isArp = outer.network?.kind === "arp";
  return isArp ? layerWords(outer) : `${layerWords(outer)}, ${length} bytes`;
}

/** `02:00:00:00:00:01 > 02:00:00:00:00:50`, of the outer frame; `null` if it has no such header. */
export function describeMacs({ outer: { ethernet } }: DecodedPacket): string | null {
  if (ethernet === null || ethernet.madeUp) return null;
  return `${ethernet.source} > ${ethernet.destination}`;
}

/**
 * What all packets of a flow, in one direction and in the same tunnel, have in common, in words: to
 * group packets by, and to show. `10.1.9.8 > 10.30.0.9 tcp 40112 > 443`; echoes of one ping have its id.
 * The port that a tunnel's UDP comes from is left out: it depends on the packet inside.
 */
export function flowKey({ outer, inner }: DecodedPacket): string {
  if (inner !== null) return `${flowWords(outer)} | ${flowWords(inner)}`;
  return flowWords(outer);
}

function layerWords(layer: Headers): string {
  const { network, damage } = layer;
  const offset = network?.kind === "ip" ? network.fragment : null;
  return joined(
    commonWords(layer),
    transportWords(layer),
    offset === null ? "" : `fragment at ${offset}`,
    tunnelWords(layer),
    damageWords(damage),
  );
}

function flowWords(layer: Headers): string {
  const { network, transport, damage } = layer;
  const isLater = network?.kind === "ip" && (network.fragment ?? 0) > 0;
  return joined(
    commonWords(layer),
    transportFlow(layer),
    isLater ? "fragment" : "",
    tunnelWords(layer),
    // How much of the rest is at hand does not matter.
    transport === null ? damageWords(damage) : "",
  );
}

/** Whence, whither, and the protocol. */
function commonWords({ ethernet, network, tunnel }: Headers): string {
  const tags = ethernet?.vlans.map((id) => `vlan ${id}, `).join("") ?? "";
  if (network?.kind === "arp") return tags + arpWords(network);
  if (network?.kind === "ip") {
    const protocol = tunnel === null ? protocolName(network) : "";
    return tags + joined(`${network.source} > ${network.destination}`, protocol);
  }
  if (ethernet === null) return "";
  const { source, destination, type } = ethernet;
  return tags + joined(
    ethernet.madeUp ? "" : `${source} > ${destination}`,
    tunnel === null ? typeName(type) : "",
  );
}

function arpWords({ operation, senderMac, senderAddress, targetAddress }: Arp): string {
  switch (operation) {
    case 1:
      return `arp who-has ${targetAddress} tell ${senderAddress}`;
    case 2:
      return `arp reply ${senderAddress} is-at ${senderMac}`;
    default:
      return `arp operation ${operation}`;
  }
}

/** EtherTypes that a line can end with, because what follows is damaged. */
function typeName(type: number): string {
  switch (type) {
    case 0x0800:
      return "ip";
    case 0x0806:
      return "arp";
    case 0x86dd:
      return "ip6";
    default:
      // Up to 1500 it is a length, and LLC follows, such as spanning tree's.
      if (type <= 1500) return "802.3";
      return `ethertype 0x${type.toString(16).padStart(4, "0")}`;
  }
}

/** By number, as tcpdump calls them. */
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [PROTOCOL.ICMP, "icmp"],
  [2, "igmp"],
  [4, "ipip"],
  [PROTOCOL.TCP, "tcp"],
  [PROTOCOL.UDP, "udp"],
  [41, "ip6-in-ip"],
  [PROTOCOL.GRE, "gre"],
  [50, "esp"],
  [51, "ah"],
  [PROTOCOL.ICMP6, "icmp6"],
  [59, "no-next-header"],
  [89, "ospf"],
  [103, "pim"],
  [112, "vrrp"],
  [PROTOCOL.SCTP, "sctp"],
]);

function protocolName({ protocol }: Ip): string {
  return protocol === null ? "" : protocolWord(protocol);
}

/** `tcp`, as tcpdump calls an IP protocol; `proto 200` if it has no name. */
export function protocolWord(protocol: number): string {
  return PROTOCOL_NAMES.get(protocol) ?? `proto ${protocol}`;
}

function transportWords({ network, transport, tunnel }: Headers): string {
  if (network?.kind !== "ip" || tunnel !== null || transport === null) return "";
  if (transport.kind === "icmp") return icmpWords(transport, network.version);
  const { source, destination, flags } = transport;
  return joined(`${source} > ${destination}`, flags === null ? "" : flagWords(flags));
}

/** From bit 0 on, as tcpdump names them: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE. */
const TCP_FLAGS = [..."FSRP.UEWe"];

function flagWords(flags: number): string {
  return TCP_FLAGS.filter((_, bit) => flags >> bit & 1).join("") || "none";
}

function transportFlow({ transport, tunnel }: Headers): string {
  if (tunnel !== null || transport === null) return "";
  if (transport.kind === "ports") return `${transport.source} > ${transport.destination}`;
  return transport.id === null ? "" : `echo id ${transport.id}`;
}

function tunnelWords({ tunnel }: Headers): string {
  if (tunnel === null) return "";
  const { kind, labels, vni } = tunnel;
  return joined(
    kind,
    vni === null ? "" : `VNI ${vni}`,
    labels.length === 0 ? "" : `label ${labels.join("/")}`,
  );
}

function damageWords(damage: Damage | null): string {
  return damage === null ? "" : `[${damage}]`;
}

function joined(...words: readonly string[]): string {
  return words.filter((word) => word !== "").join(" ");
}
