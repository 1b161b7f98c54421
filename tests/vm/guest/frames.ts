/**
 * Frames byte by byte, for packets that no program would send.
 *
 * @module
 */

import { must } from "./support.ts";
import { addressBytes, macBytes } from "./requests.ts";

/** Numbers of protocols of IPv4. */
export const PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, GRE: 47 } as const;

/** What identifies the packets of a flow; of ICMP echoes, `sourcePort` is the id. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function be16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}

/** In network order. */
export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value)];
}

/** The checksum of the Internet protocols. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += bytes[index]! << 8 | (bytes[index + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Ethernet, with type 0x0800 if not given. */
export function ethernet(
  destination: string,
  source: string,
  payload: readonly number[],
  type = 0x0800,
): number[] {
  return [...macBytes(destination), ...macBytes(source), ...be16(type), ...payload];
}

/** Fields of an IPv4 header that are not those of every packet. */
export interface Ipv4Options {
  readonly ttl?: number;
  readonly version?: number;
  readonly id?: number;
  /** Offset of a fragment in bytes. */
  readonly offset?: number;
  readonly moreFragments?: boolean;
  readonly dontFragment?: boolean;
  /** Length of a packet whose end send() makes up. */
  readonly length?: number;
}

/** An IPv4 packet. */
export function ipv4(
  { source, destination, protocol }: Pick<Tuple, "source" | "destination" | "protocol">,
  payload: readonly number[],
  options: Ipv4Options = {},
): number[] {
  const { ttl = 64, version = 4, id = 1, offset = 0 } = options;
  const flags = (options.moreFragments ? 0x2000 : 0) | (options.dontFragment ? 0x4000 : 0);
  const header = [
    version << 4 | 5,
    0,
    ...be16(options.length ?? 20 + payload.length),
    ...be16(id),
    ...be16(flags | offset / 8),
    ttl,
    protocol,
    0,
    0,
    ...addressBytes(source),
    ...addressBytes(destination),
  ];
  header.splice(10, 2, ...be16(checksum(header)));
  return [...header, ...payload];
}

/** What follows the addresses: ports, or of ICMP the type and code of an echo. */
export function portBytes(
  { protocol, sourcePort, destinationPort }: Omit<Tuple, "source" | "destination">,
): number[] {
  return protocol === PROTOCOL.ICMP ? [8, 0] : [...be16(sourcePort), ...be16(destinationPort)];
}

/** Fields of a packet's headers that are not those of every packet. */
export interface PacketOptions extends Ipv4Options {
  readonly rst?: boolean;
  readonly tcpHeaderWords?: number;
  /** Of TCP, whose checksum is right only if this is given. */
  readonly sequence?: number;
}

/** TCP with its checksum. */
function summed(tuple: Tuple, segment: readonly number[]): number[] {
  const addresses = [...addressBytes(tuple.source), ...addressBytes(tuple.destination)];
  const pseudo = [...addresses, 0, tuple.protocol, ...be16(segment.length)];
  return segment.toSpliced(16, 2, ...be16(checksum([...pseudo, ...segment])));
}

/** The packet of a tuple, with 32 bytes of data. */
export function packet(tuple: Tuple, options: PacketOptions = {}): number[] {
  const ports = portBytes(tuple);
  const data = new Array(32).fill(0x5a);
  switch (tuple.protocol) {
    case PROTOCOL.ICMP: {
      const echo = [8, 0, 0, 0, ...be16(tuple.sourcePort), 0, 1, ...data];
      echo.splice(2, 2, ...be16(checksum(echo)));
      return ipv4(tuple, echo, options);
    }
    case PROTOCOL.TCP: {
      const words = options.tcpHeaderWords ?? 5;
      const flags = options.rst ? 0x04 : 0x10;
      const { sequence } = options;
      const numbers = [...be32(sequence ?? 1), ...be32(1)];
      const header = [...ports, ...numbers, words << 4, flags, 0x10, 0, 0, 0, 0, 0];
      const segment = [...header, ...data];
      return ipv4(tuple, sequence === undefined ? segment : summed(tuple, segment), options);
    }
    default:
      return ipv4(tuple, [...ports, ...be16(8 + data.length), 0, 0, ...data], options);
  }
}

/** Data of a later fragment, which has no ports. */
export const FRAGMENT_DATA: readonly number[] = new Array(32).fill(0x5a);

/** A later fragment of a packet. */
export function fragment(tuple: Tuple, id: number): number[] {
  return ipv4(tuple, FRAGMENT_DATA, { id, offset: 64 });
}

/** A frame in VXLAN, behind IPv4 and UDP. */
export function vxlan(
  [source, destination]: readonly [string, string],
  vnid: number,
  frame: readonly number[],
  udpChecksum = 0,
): number[] {
  const inner = [0x08, 0, 0, 0, ...be32(vnid << 8), ...frame];
  const udp = [...be16(50000), ...be16(4789), ...be16(8 + inner.length), ...be16(udpChecksum)];
  return ipv4({ source, destination, protocol: PROTOCOL.UDP }, [...udp, ...inner]);
}

/** An IPv4 packet in MPLSoUDP, behind IPv4. */
export function mplsOverUdp(
  [source, destination]: readonly [string, string],
  label: number,
  inner: readonly number[],
): number[] {
  const payload = [...be32(label << 12 | 0x100 | 64), ...inner];
  const udp = [...be16(50000), ...be16(6635), ...be16(8 + payload.length), 0, 0];
  return ipv4({ source, destination, protocol: PROTOCOL.UDP }, [...udp, ...payload]);
}

/** An IPv4 packet in MPLSoGRE, behind IPv4. */
export function mplsOverGre(
  [source, destination]: readonly [string, string],
  label: number,
  inner: readonly number[],
  ttl = 64,
): number[] {
  const header = [0, 0, 0x88, 0x47, ...be32(label << 12 | 0x100 | ttl)];
  return ipv4({ source, destination, protocol: PROTOCOL.GRE }, [...header, ...inner]);
}

/**
 * Sends a frame out of a device.
 *
 * @param namespace of the device; undefined for this one
 * @param length to which it is filled up with zeros
 * @param gsoSize size of the segments of a packet of TCP
 */
export async function send(
  namespace: string | undefined,
  device: string,
  frame: readonly number[],
  length = 0,
  gsoSize = 0,
): Promise<void> {
  const hex = Uint8Array.from(frame).toHex();
  const program = ["send-frame", device, hex, `${length}`, `${gsoSize}`];
  if (namespace !== undefined) program.unshift("ip", "netns", "exec", namespace);
  const [name, ...args] = program;
  await must(name!, ...args);
}
