/**
 * Ethernet frames for tests of packet filters: random, but with so few different addresses and ports
 * that a filter has something to match.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** A frame as something captured it. */
export interface Frame {
  /** Its first bytes. */
  readonly captured: Uint8Array<ArrayBuffer>;
  /** All of its bytes. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

const PORTS = [9, 22, 53, 80, 443, 4789, 8080];
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMP6 = 58;
const SCTP = 132;
const GRE = 47;

/** Bytes of a big-endian 16-bit number. */
export function u16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}

/** A frame of any kind, in one case of four truncated, in one of sixteen with a damaged byte. */
export function randomFrame(random: Random): Frame {
  const whole = Uint8Array.from([...ethernet(random), ...random.bytes(random.int(24))]);
  if (random.int(16) === 0) whole[random.int(whole.length)]! ^= 1 << random.int(8);
  const length = random.int(4) === 0 ? random.int(whole.length + 1) : whole.length;
  return { whole, captured: whole.slice(0, length) };
}

function ethernet(random: Random): number[] {
  const tags = Array.from({ length: random.pick([0, 0, 1, 2]) }, () => [
    ...random.pick([[0x81, 0], [0x88, 0xa8]]),
    ...u16(random.int(4) << 13 | random.pick([0, 5, 100, 4094])),
  ]);
  const [type, payload] = random.pick([ipv4, ipv4, ipv6, ipv6, arp, mpls, other])(random);
  return [...mac(random), ...mac(random), ...tags.flat(), ...u16(type), ...payload];
}

function mac(random: Random): number[] {
  return random.pick([[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [255, 255, 255, 255, 255, 255], [
    1,
    0,
    0x5e,
    0,
    0,
    5,
  ]]);
}

type Payload = [type: number, bytes: number[]];

function address4(random: Random): number[] {
  return random.pick([[10, 1, 1, 1], [10, 1, 1, 2], [192, 168, 0, 7], [224, 0, 0, 5], [
    255,
    255,
    255,
    255,
  ]]);
}

function address6(random: Random): number[] {
  const middle = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  return random.pick([
    [0x20, 1, 0xd, 0xb8, ...middle, 1],
    [0x20, 1, 0xd, 0xb8, ...middle, 2],
    [0xff, 2, 0, 0, ...middle, 1],
    [0xfe, 0x80, 0, 0, ...middle, 1],
  ]);
}

function ipv4(random: Random): Payload {
  const words = 5 + random.pick([0, 0, 0, 1, 3, 10]);
  const fragment = random.pick([0, 0, 0, 0x4000, 0x2000, 0x2003, 0x0005]);
  const protocol = random.pick([ICMP, TCP, TCP, UDP, UDP, SCTP, GRE, 89]);
  const payload = transport(random, protocol);
  return [0x0800, [
    0x40 | words,
    random.pick([0, 0xb8]),
    ...u16(words * 4 + payload.length),
    ...u16(random.int(65536)),
    ...u16(fragment),
    random.pick([1, 64, 255]),
    protocol,
    ...u16(random.int(65536)),
    ...address4(random),
    ...address4(random),
    ...random.bytes(words * 4 - 20),
    ...payload,
  ]];
}

function ipv6(random: Random): Payload {
  const protocol = random.pick([ICMP6, TCP, TCP, UDP, UDP, SCTP, GRE, 59]);
  let next = protocol;
  let bytes = transport(random, protocol);
  for (let left = random.pick([0, 0, 1, 2]); left > 0; left--) {
    // Hop-by-hop options, routing, fragment, destination options.
    const kind = random.pick([0, 43, 44, 60]);
    const words = kind === 44 ? 1 : 1 + random.int(2);
    bytes = [next, kind === 44 ? 0 : words - 1, ...random.bytes(words * 8 - 2), ...bytes];
    next = kind;
  }
  return [0x86dd, [
    0x60 | random.int(2),
    random.int(256),
    ...random.bytes(2),
    ...u16(bytes.length),
    next,
    random.pick([1, 64]),
    ...address6(random),
    ...address6(random),
    ...bytes,
  ]];
}

function transport(random: Random, protocol: number): number[] {
  const ports = [...u16(random.pick(PORTS)), ...u16(random.pick(PORTS))];
  switch (protocol) {
    case TCP:
      return [
        ...ports,
        ...random.bytes(8),
        random.pick([0x50, 0x60, 0x80]),
        random.pick([2, 0x12, 0x10, 0x18, 1, 4]),
        ...random.bytes(random.pick([6, 10, 30])),
      ];
    case UDP:
      return [...ports, ...u16(random.int(100)), ...random.bytes(2 + random.int(16))];
    case ICMP:
      return [random.pick([0, 8, 3, 11]), random.int(4), ...random.bytes(6)];
    case ICMP6:
      return [random.pick([1, 128, 129, 135]), random.int(4), ...random.bytes(6)];
    default:
      return [...ports, ...random.bytes(8)];
  }
}

function arp(random: Random): Payload {
  const type = random.pick([0x0806, 0x0806, 0x8035]);
  const operation = random.pick([1, 2]);
  return [type, [
    ...[0, 1, 8, 0, 6, 4],
    ...u16(operation),
    ...mac(random),
    ...address4(random),
    ...mac(random),
    ...address4(random),
  ]];
}

function mpls(random: Random): Payload {
  const [, inner] = ipv4(random);
  const label = random.pick([16, 100024]);
  const entry = (bottom: number): number[] => [
    label >> 12,
    label >> 4 & 0xff,
    (label & 0xf) << 4 | bottom,
    64,
  ];
  return [0x8847, [...random.int(2) === 0 ? entry(0) : [], ...entry(1), ...inner]];
}

function other(random: Random): Payload {
  return [random.pick([0x8863, 0x88cc, 0x0026, 0x9000]), [...random.bytes(46)]];
}
