/**
 * Frames in tunnels: every encapsulation that filters look into.
 *
 * @module
 */

import { u16 } from "./frames.ts";
import { gre as greOf, label, udp as udpFrom, vxlan } from "./packets.ts";

const UDP = 17;
const GRE = 47;
const ICMP = 1;
const ICMP6 = 58;

/** An encapsulated frame. */
export interface Tunnelled {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the frame in front of the inner frame, or of its IP header. */
  readonly inner: number;
  /** 1 for VXLAN, 2 for MPLS. */
  readonly tunnel: number;
  /** VNI or label. */
  readonly number: number;
  /** The inner packet is IPv6. */
  readonly isV6: boolean;
}

const OUTER4 = { from: [192, 0, 2, 1], to: [192, 0, 2, 2] };
/** Addresses of the inner packet, which the outer ones are not like. */
const INNER4 = { from: [10, 9, 0, 1], to: [10, 9, 0, 2] };
const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

function ethernet(type: number, payload: readonly number[], vlan: number | null = null): number[] {
  const tag = vlan === null ? [] : [0x81, 0, ...u16(vlan)];
  return [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...tag, ...u16(type), ...payload];
}

function ipv4(
  protocol: number,
  { from, to }: typeof OUTER4,
  payload: readonly number[],
  options = 0,
): number[] {
  const length = 20 + options + payload.length;
  const head = [0x45 + options / 4, 0, ...u16(length), 0, 1, 0, 0, 64, protocol, 0, 0];
  return [...head, ...from, ...to, ...Array<number>(options).fill(1), ...payload];
}

function ipv6(next: number, last: number, payload: readonly number[]): number[] {
  const head = [0x60, 0, 0, 0, ...u16(payload.length), next, 64];
  return [...head, ...V6, last, ...V6, last + 1, ...payload];
}

const udp = (port: number, payload: readonly number[]): number[] => udpFrom(50_000, port, payload);
const gre = (flags: number, payload: readonly number[]): number[] => greOf(flags, 0x8847, payload);

const PING4 = ipv4(ICMP, INNER4, [8, 0, 0, 0, 0, 1, 0, 1]);
const PING6 = ipv6(ICMP6, 9, [128, 0, 0, 0, 0, 1, 0, 1]);

/** What is inside, by its form. */
const PAYLOADS = [
  { form: "Ethernet and IPv4", bytes: ethernet(0x0800, PING4), isV6: false, bare: false },
  { form: "Ethernet and IPv6", bytes: ethernet(0x86dd, PING6), isV6: true, bare: false },
  { form: "IPv4", bytes: PING4, isV6: false, bare: true },
  { form: "IPv6", bytes: PING6, isV6: true, bare: true },
] as const;

/** What is outside: a frame with a payload of a protocol. */
const CARRIERS: readonly {
  name: string;
  wrap: (protocol: number, payload: number[]) => number[];
}[] = [
  { name: "IPv4", wrap: (protocol, payload) => ethernet(0x0800, ipv4(protocol, OUTER4, payload)) },
  {
    name: "IPv4 with options",
    wrap: (protocol, payload) => ethernet(0x0800, ipv4(protocol, OUTER4, payload, 12)),
  },
  {
    name: "VLAN 7 and IPv4",
    wrap: (protocol, payload) => ethernet(0x0800, ipv4(protocol, OUTER4, payload), 7),
  },
  { name: "IPv6", wrap: (protocol, payload) => ethernet(0x86dd, ipv6(protocol, 1, payload)) },
];

const VNI = 0xabcdef;
const LABEL = 0x9abcd;

/** The encapsulations: name, IP protocol, what is in front of the payload, kind and number. */
const ENCAPSULATIONS: readonly {
  name: string;
  protocol: number;
  wrap: (payload: readonly number[]) => number[];
  tunnel: number;
  number: number;
}[] = [
  {
    name: "VXLAN",
    protocol: UDP,
    wrap: (payload) => udp(4789, vxlan(VNI, payload)),
    tunnel: 1,
    number: VNI,
  },
  ...[6635, 51234].map((port) => ({
    name: `MPLS over UDP port ${port}`,
    protocol: UDP,
    wrap: (payload: readonly number[]) => udp(port, [...label(LABEL, true), ...payload]),
    tunnel: 2,
    number: LABEL,
  })),
  ...[0, 0x80, 0x20, 0x10, 0xb0].map((flags) => ({
    name: `MPLS over GRE, flags 0x${flags.toString(16)}`,
    protocol: GRE,
    wrap: (payload: readonly number[]) => gre(flags, [...label(LABEL, true), ...payload]),
    tunnel: 2,
    number: LABEL,
  })),
  {
    name: "two labels over GRE",
    protocol: GRE,
    wrap: (payload) => gre(0, [...label(99, false), ...label(LABEL, true), ...payload]),
    tunnel: 2,
    number: LABEL,
  },
];

/** Each encapsulation with each outside and inside. */
export const TUNNELLED: readonly Tunnelled[] = ENCAPSULATIONS.flatMap((one) =>
  PAYLOADS.filter(({ bare }) => !(bare && one.tunnel === 1)).flatMap(({ form, bytes, isV6 }) =>
    CARRIERS.map(({ name, wrap }) => {
      const frame = wrap(one.protocol, one.wrap(bytes));
      return {
        name: `${form} in ${one.name} over ${name}`,
        bytes: Uint8Array.from(frame),
        inner: frame.length - bytes.length,
        tunnel: one.tunnel,
        number: one.number,
        isV6,
      };
    })
  )
);

/** Frames that look like tunnels, but have no inner frame to find. */
export const NOT_TUNNELLED: readonly { name: string; bytes: Uint8Array<ArrayBuffer> }[] = [
  ...([
    ["another UDP port", UDP, udp(4790, vxlan(VNI, PAYLOADS[0].bytes))],
    ["GRE without MPLS", GRE, [0, 0, 8, 0, ...PING4]],
    ["GRE version 1", GRE, [0, 1, 0x88, 0x47, ...label(LABEL, true), ...PING4]],
    [
      "three labels",
      GRE,
      gre(0, [...label(1, false), ...label(2, false), ...label(3, true), ...PING4]),
    ],
    ["another protocol", 4, PING4],
  ] as const).map(([name, protocol, payload]) => ({
    name,
    bytes: Uint8Array.from(ethernet(0x0800, ipv4(protocol, OUTER4, payload))),
  })),
  {
    name: "a fragment other than the first",
    bytes: (() => {
      const bytes = Uint8Array.from(
        ethernet(0x0800, ipv4(UDP, OUTER4, udp(4789, vxlan(VNI, PAYLOADS[0].bytes)))),
      );
      bytes[21] = 1;
      return bytes;
    })(),
  },
  { name: "no IP", bytes: Uint8Array.from(ethernet(0x0806, Array<number>(46).fill(0))) },
];
