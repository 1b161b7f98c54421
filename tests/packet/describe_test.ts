import assert from "node:assert/strict";
import { decodePacket } from "../../src/packet/decode.ts";
import { describeMacs, describePacket, flowKey } from "../../src/packet/describe.ts";
import { tupleOf } from "../../src/packet/headers.ts";
import {
  A4,
  A6,
  arp,
  B4,
  B6,
  ethernet,
  GATEWAY,
  gre,
  HOST,
  icmp,
  ipv4,
  ipv6,
  label,
  mac,
  tcp,
  udp,
  vxlan,
} from "../support/packets.ts";
import { hex } from "../support/hex.ts";

function words(bytes: readonly number[], length = bytes.length): string {
  return describePacket(Uint8Array.from(bytes), length);
}

const IP4 = 0x0800;
const IP6 = 0x86dd;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const GRE = 47;
const ICMP6 = 58;

const PING = ipv4(ICMP, A4, B4, icmp(8, 0, [0, 7, 0, 1]));

// vm1 pings 10.1.3.3 with TTL 1: as the real module trapped it, TTL decremented.
const REAL_PING = hex(
  "00005e000100 020000000001 0800 4500 0054 6d2f 4000 0001 f574 0a01 0101 0a01 0303" +
    "0800 e4cb 0223 0001 1b10 076b 0000 0000 23c2 0c00 0000 0000 1011 1213 1415 1617" +
    "1819 1a1b 1c1d 1e1f 2021 2223 2425 2627 2829 2a2b 2c2d 2e2f 3031 3233 3435 3637",
);
// And one of 1,514 bytes that was too big, of which the first 100 bytes are at hand.
const REAL_BIG_PING = hex(
  "020000000009 020000000001 0800 4500 05dc 0000 4000 4001 1f16 0a01 0101 0a01 0109" +
    "0800 9dcb 029b 0001 2210 076b 0000 0000 d3fa 0d00 0000 0000 1011 1213 1415 1617" +
    "1819 1a1b 1c1d 1e1f 2021 2223 2425 2627 2829 2a2b 2c2d 2e2f 3031 3233 3435 3637 3839",
);

Deno.test("packets of the real module are described as tcpdump saw them", () => {
  assert.equal(
    describePacket(REAL_PING, REAL_PING.length),
    "10.1.1.1 > 10.1.3.3 icmp echo request, 98 bytes",
  );
  assert.equal(
    describePacket(REAL_BIG_PING, 1514),
    "10.1.1.1 > 10.1.1.9 icmp echo request, 1514 bytes",
  );
  const ping = decodePacket(REAL_PING, REAL_PING.length);
  assert.equal(describeMacs(ping), "02:00:00:00:00:01 > 00:00:5e:00:01:00");
  assert.equal(flowKey(ping), "10.1.1.1 > 10.1.3.3 icmp echo id 547");
  assert.equal(ping.outer.network?.kind === "ip" && ping.outer.network.ttl, 0);
});

Deno.test("protocols over IPv4 are described", () => {
  const line = (protocol: number, payload: number[]): string =>
    words(ethernet(IP4, ipv4(protocol, [10, 1, 9, 8], [10, 30, 0, 9], payload)), 74);
  const start = "10.1.9.8 > 10.30.0.9";
  for (
    const [flags, name] of [
      [0x02, "S"],
      [0x12, "S."],
      [0x10, "."],
      [0x18, "P."],
      [0x11, "F."],
      [0x04, "R"],
      [0x14, "R."],
      [0xc2, "SEW"],
      [0, "none"],
    ] as const
  ) {
    assert.equal(line(TCP, tcp(40112, 443, flags)), `${start} tcp 40112 > 443 ${name}, 74 bytes`);
  }
  assert.equal(line(UDP, udp(40000, 53, [1, 2])), `${start} udp 40000 > 53, 74 bytes`);
  assert.equal(
    line(132, [0x1f, 0x90, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0]),
    `${start} sctp 8080 > 80, 74 bytes`,
  );
  assert.equal(line(89, [2, 1, 0, 48]), `${start} ospf, 74 bytes`);
  assert.equal(line(253, []), `${start} proto 253, 74 bytes`);
  for (
    const [type, code, rest, name] of [
      [0, 0, [0, 7, 0, 1], "echo reply"],
      [3, 1, [0, 0, 0, 0], "host unreachable"],
      [3, 3, [0, 0, 0, 0], "port unreachable"],
      [3, 4, [0, 0, 5, 0xaa], "unreachable - need to frag (mtu 1450)"],
      [3, 200, [0, 0, 0, 0], "type 3 code 200"],
      [11, 0, [0, 0, 0, 0], "time exceeded in-transit"],
      [200, 3, [0, 0, 0, 0], "type 200 code 3"],
    ] as const
  ) {
    assert.equal(line(ICMP, icmp(type, code, rest)), `${start} icmp ${name}, 74 bytes`);
  }
});

Deno.test("options, fragments and padding of IPv4 are seen", () => {
  const options = ipv4(UDP, A4, B4, udp(1, 2, []), { options: 12 });
  assert.equal(words(ethernet(IP4, options)), "10.1.1.5 > 10.1.1.6 udp 1 > 2, 54 bytes");
  const first = ethernet(IP4, ipv4(UDP, A4, B4, udp(1, 2, []), { fragment: 0x2000 }));
  assert.equal(words(first, 1514), "10.1.1.5 > 10.1.1.6 udp 1 > 2 fragment at 0, 1514 bytes");
  const later = ethernet(IP4, ipv4(UDP, A4, B4, udp(1, 2, []), { fragment: 185 }));
  assert.equal(words(later, 600), "10.1.1.5 > 10.1.1.6 udp fragment at 1480, 600 bytes");
  const key = (bytes: number[]): string => flowKey(decodePacket(Uint8Array.from(bytes), 600));
  assert.equal(key(first), "10.1.1.5 > 10.1.1.6 udp 1 > 2");
  assert.equal(key(later), "10.1.1.5 > 10.1.1.6 udp fragment");
  // The ports would be in the padding.
  const short = [...ethernet(IP4, ipv4(UDP, A4, B4, [])), ...Array<number>(26).fill(9)];
  assert.equal(words(short), "10.1.1.5 > 10.1.1.6 udp [truncated], 60 bytes");
  // A packet of more than 64 kB has no length (BIG TCP).
  const big = ethernet(IP4, ipv4(TCP, A4, B4, tcp(1, 2, 0x10), { length: 0 }));
  assert.equal(words(big, 190_000), "10.1.1.5 > 10.1.1.6 tcp 1 > 2 ., 190000 bytes");
});

Deno.test("IPv6 is described with RFC 5952 addresses, behind extension headers too", () => {
  const start = "2001:db8::5 > 2001:db8::6";
  const line = (next: number, payload: number[]): string =>
    words(ethernet(IP6, ipv6(next, A6, B6, payload)), 94);
  assert.equal(line(TCP, tcp(1, 2, 0x12)), `${start} tcp 1 > 2 S., 94 bytes`);
  for (
    const [type, code, rest, name] of [
      [128, 0, [0, 7, 0, 1], "echo request"],
      [129, 0, [0, 7, 0, 1], "echo reply"],
      [1, 4, [0, 0, 0, 0], "unreachable port"],
      [2, 0, [0, 0, 5, 0x78], "packet too big, mtu 1400"],
      [3, 0, [0, 0, 0, 0], "time exceeded in-transit"],
      [135, 0, [0, 0, 0, 0, ...B6], "neighbor solicitation, who has 2001:db8::6"],
      [136, 0, [0, 0, 0, 0, ...A6], "neighbor advertisement, tgt is 2001:db8::5"],
    ] as const
  ) {
    assert.equal(line(ICMP6, icmp(type, code, rest)), `${start} icmp6 ${name}, 94 bytes`);
  }
  // Hop-by-hop options, destination options of 16 bytes, authentication, then UDP.
  const chain = [
    ...[60, 0, 1, 4, 0, 0, 0, 0],
    ...[51, 1, 1, 12, ...Array<number>(12).fill(0)],
    ...[UDP, 1, 0, 0, ...Array<number>(8).fill(0)],
    ...udp(5, 6, []),
  ];
  assert.equal(line(0, chain), `${start} udp 5 > 6, 94 bytes`);
  const fragment = (bits: number): number[] => [
    ...[UDP, 0, bits >> 8, bits & 0xff, 0, 0, 0, 1],
    ...udp(5, 6, []),
  ];
  assert.equal(line(44, fragment(0)), `${start} udp 5 > 6, 94 bytes`);
  assert.equal(line(44, fragment(1)), `${start} udp 5 > 6 fragment at 0, 94 bytes`);
  assert.equal(line(44, fragment(1448)), `${start} udp fragment at 1448, 94 bytes`);
  assert.equal(line(59, []), `${start} no-next-header, 94 bytes`);
});

Deno.test("IPv6 addresses are shortened as RFC 5952 has it", () => {
  for (
    const [digits, text] of [
      ["20010db8000000000000000000000001", "2001:db8::1"],
      ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
      ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
      ["20010000000000010000000000000001", "2001:0:0:1::1"],
      ["00000000000000000000000000000000", "::"],
      ["00000000000000000000000000000001", "::1"],
      ["fe800000000000000000000000000000", "fe80::"],
      ["00000000000000000000ffff0a010105", "::ffff:10.1.1.5"],
      ["ABCD000A00000000000000000000ffff", "abcd:a::ffff"],
    ] as const
  ) {
    const bytes = ethernet(IP6, ipv6(59, [...hex(digits)], B6, []));
    assert.equal(words(bytes), `${text} > 2001:db8::6 no-next-header, 54 bytes`);
  }
});

Deno.test("ARP, VLAN tags and other protocols are described", () => {
  assert.equal(words(arp(1, [10, 1, 1, 1], [10, 1, 1, 2])), "arp who-has 10.1.1.2 tell 10.1.1.1");
  assert.equal(
    words(arp(2, [10, 1, 1, 2], [10, 1, 1, 1])),
    "arp reply 10.1.1.2 is-at 02:00:00:00:00:01",
  );
  const [one, two] = [[0x81, 0, 0xe0, 5], [0x88, 0xa8, 0, 100]];
  assert.equal(
    words([...GATEWAY, ...HOST, ...one, 8, 0, ...PING]),
    "vlan 5, 10.1.1.5 > 10.1.1.6 icmp echo request, 46 bytes",
  );
  assert.equal(
    words([...GATEWAY, ...HOST, ...two, ...one, 8, 0, ...PING]),
    "vlan 100, vlan 5, 10.1.1.5 > 10.1.1.6 icmp echo request, 50 bytes",
  );
  const macs = "02:00:00:00:00:01 > 00:00:5e:00:01:00";
  assert.equal(words(ethernet(0x88cc, [2, 7]), 60), `${macs} ethertype 0x88cc, 60 bytes`);
  assert.equal(words(ethernet(38, [0x42, 0x42, 3]), 60), `${macs} 802.3, 60 bytes`);
});

Deno.test("a made-up Ethernet header is not shown", () => {
  const bytes = Uint8Array.from([...Array<number>(12).fill(0), 8, 0, ...PING]);
  const packet = decodePacket(bytes, bytes.length);
  assert.equal(describeMacs(packet), null);
  assert.equal(
    describePacket(bytes, bytes.length),
    "10.1.1.5 > 10.1.1.6 icmp echo request, 42 bytes",
  );
  // Of an unknown protocol there is nothing else.
  assert.equal(words([...Array<number>(12).fill(0), 0x88, 0xcc]), "ethertype 0x88cc, 14 bytes");
});

Deno.test("tunnels are described with what they carry", () => {
  const reply = ipv4(ICMP, [10, 1, 1, 7], [10, 1, 1, 5], icmp(0, 0, [0, 7, 0, 1]));
  const inside = "10.1.1.7 > 10.1.1.5 icmp echo reply";
  const line = (protocol: number, payload: readonly number[]): string =>
    words(ethernet(IP4, ipv4(protocol, [10, 0, 0, 2], [10, 0, 0, 1], payload)));
  const start = "10.0.0.2 > 10.0.0.1";
  for (const port of [6635, 51234]) {
    const over = (payload: readonly number[]): string => line(UDP, udp(50_001, port, payload));
    assert.equal(over([...label(31, true), ...reply]), `${start} MPLSoUDP label 31 | ${inside}`);
    assert.equal(
      over([...label(1048575, false), ...label(31, true), ...ethernet(IP4, reply)]),
      `${start} MPLSoUDP label 1048575/31 | ${inside}`,
    );
    // vrouter's control word of multicast.
    assert.equal(
      over([...label(2000, true), 0, 0, 0, 0, ...ethernet(IP4, reply)]),
      `${start} MPLSoUDP label 2000 | ${inside}`,
    );
  }
  for (const flags of [0, 0x80, 0x20, 0x10, 0xb0]) {
    const packet = gre(flags, 0x8847, [...label(777, true), ...reply]);
    assert.equal(line(GRE, packet), `${start} MPLSoGRE label 777 | ${inside}`);
  }
  assert.equal(line(GRE, gre(0, IP4, reply)), `${start} GRE | ${inside}`);
  assert.equal(line(GRE, gre(0, 0x6558, ethernet(IP4, reply))), `${start} GRE | ${inside}`);
  assert.equal(line(GRE, gre(0, 0x88cc, [1])), `${start} GRE, 39 bytes`);
  assert.equal(line(GRE, [0x30, 1, 0x88, 0x0b, 0, 0, 0, 0]), `${start} GRE, 42 bytes`);
  const vxlanWith = (frame: number[]): string => line(UDP, udp(50_001, 4789, vxlan(6001, frame)));
  assert.equal(vxlanWith(ethernet(IP4, reply)), `${start} VXLAN VNI 6001 | ${inside}`);
  assert.equal(
    vxlanWith(arp(1, A4, B4)),
    `${start} VXLAN VNI 6001 | arp who-has 10.1.1.6 tell 10.1.1.5`,
  );
  assert.equal(
    words(ethernet(0x8847, [...label(16, true), ...reply])),
    `02:00:00:00:00:01 > 00:00:5e:00:01:00 MPLS label 16 | ${inside}`,
  );
  // A tunnel in the tunnel is named.
  const nested = ipv4(UDP, A4, B4, udp(50_001, 4789, vxlan(3, ethernet(IP4, reply))));
  assert.equal(
    vxlanWith(ethernet(IP4, nested)),
    `${start} VXLAN VNI 6001 | 10.1.1.5 > 10.1.1.6 VXLAN VNI 3`,
  );
  // Later fragments have no UDP header to tell.
  const later = ipv4(UDP, A4, B4, udp(1, 4789, []), { fragment: 1 });
  assert.equal(words(ethernet(IP4, later), 90), "10.1.1.5 > 10.1.1.6 udp fragment at 8, 90 bytes");
});

Deno.test("the ports and flags of TCP in VXLAN are within the recorded bytes", () => {
  const inner = ethernet(IP4, ipv4(TCP, A4, B4, tcp(40112, 443, 2)));
  const outer = ipv4(UDP, [10, 0, 0, 2], [10, 0, 0, 1], udp(50_001, 4789, vxlan(6001, inner)));
  const bytes = Uint8Array.from(ethernet(IP4, outer));
  const recorded = decodePacket(bytes.subarray(0, 100), bytes.length);
  assert.equal(
    describePacket(bytes.subarray(0, 100), bytes.length),
    "10.0.0.2 > 10.0.0.1 VXLAN VNI 6001 | 10.1.1.5 > 10.1.1.6 tcp 40112 > 443 S",
  );
  assert.deepEqual(tupleOf(recorded.inner!), {
    source: "10.1.1.5",
    destination: "10.1.1.6",
    protocol: TCP,
    sourcePort: 40112,
    destinationPort: 443,
  });
  assert.deepEqual(tupleOf(recorded.outer), {
    source: "10.0.0.2",
    destination: "10.0.0.1",
    protocol: UDP,
    sourcePort: 50_001,
    destinationPort: 4789,
  });
  // With a VLAN tag more, the ports are.
  assert.equal(
    describePacket(bytes.subarray(0, 92), bytes.length),
    "10.0.0.2 > 10.0.0.1 VXLAN VNI 6001 | 10.1.1.5 > 10.1.1.6 tcp 40112 > 443 [truncated]",
  );
  assert.equal(
    flowKey(decodePacket(bytes.subarray(0, 92), bytes.length)),
    flowKey(recorded),
  );
});

Deno.test("packets of one flow have one key", () => {
  const key = (bytes: readonly number[]): string =>
    flowKey(decodePacket(Uint8Array.from(bytes), bytes.length));
  const packet = (port: number, flags: number, from = 50_001, vni = 6001): number[] => {
    const inner = ethernet(IP4, ipv4(TCP, A4, B4, tcp(40112, port, flags)));
    return ethernet(IP4, ipv4(UDP, B4, A4, udp(from, 4789, vxlan(vni, inner))));
  };
  const one = key(packet(443, 2));
  assert.equal(one, "10.1.1.6 > 10.1.1.5 VXLAN VNI 6001 | 10.1.1.5 > 10.1.1.6 tcp 40112 > 443");
  assert.equal(key(packet(443, 0x18, 50_002)), one);
  assert.notEqual(key(packet(444, 2)), one);
  assert.notEqual(key(packet(443, 2, 50_001, 6002)), one);
  const unreachable = ethernet(IP4, ipv4(ICMP, A4, B4, icmp(3, 1, [0, 0, 0, 0])));
  assert.equal(key(unreachable), "10.1.1.5 > 10.1.1.6 icmp");
  assert.equal(
    key(ethernet(0x88cc, [])),
    `${mac(HOST)} > ${mac(GATEWAY)} ethertype 0x88cc`,
  );
  assert.equal(tupleOf(decodePacket(Uint8Array.from(ethernet(0x88cc, [])), 60).outer), null);
});

Deno.test("what is cut off is said, and nothing made of it", () => {
  const whole = ethernet(IP4, ipv4(TCP, A4, B4, tcp(40112, 443, 2)));
  const cut = (bytes: number): string => words(whole.slice(0, bytes), 54);
  const macs = `${mac(HOST)} > ${mac(GATEWAY)}`;
  const ip = "10.1.1.5 > 10.1.1.6 tcp";
  assert.equal(cut(0), "[truncated], 54 bytes");
  assert.equal(cut(13), "[truncated], 54 bytes");
  assert.equal(cut(14), `${macs} ip [truncated], 54 bytes`);
  assert.equal(cut(33), `${macs} ip [truncated], 54 bytes`);
  assert.equal(cut(37), `${ip} [truncated], 54 bytes`);
  assert.equal(cut(38), `${ip} 40112 > 443 [truncated], 54 bytes`);
  assert.equal(cut(48), `${ip} 40112 > 443 S, 54 bytes`);
  const tag = [...GATEWAY, ...HOST, 0x81, 0, 0];
  assert.equal(words(tag, 60), `${macs} ethertype 0x8100 [truncated], 60 bytes`);
  const tunnel = ipv4(UDP, A4, B4, udp(50_001, 6635, label(31, true)));
  assert.equal(
    words(ethernet(IP4, tunnel), 120),
    "10.1.1.5 > 10.1.1.6 MPLSoUDP label 31 [truncated], 120 bytes",
  );
  assert.equal(
    words(ethernet(IP4, ipv4(UDP, A4, B4, udp(50_001, 6635, [...label(31, true), 0x45]))), 120),
    "10.1.1.5 > 10.1.1.6 MPLSoUDP label 31 | [truncated]",
  );
});

Deno.test("what cannot be is said to be malformed", () => {
  const macs = `${mac(HOST)} > ${mac(GATEWAY)}`;
  const damaged = (at: number, value: number, packet: number[]): string => {
    const bytes = [...packet];
    bytes[at] = value;
    return words(bytes);
  };
  const packet = ethernet(IP4, PING);
  assert.equal(damaged(14, 0x44, packet), `${macs} ip [malformed], 42 bytes`);
  assert.equal(damaged(14, 0x65, packet), `${macs} ip [malformed], 42 bytes`);
  assert.equal(damaged(17, 19, packet), `${macs} ip [malformed], 42 bytes`);
  const stream = ethernet(IP4, ipv4(TCP, A4, B4, tcp(1, 2, 2)));
  assert.equal(damaged(46, 0x40, stream), "10.1.1.5 > 10.1.1.6 tcp 1 > 2 [malformed], 54 bytes");
  assert.equal(damaged(14 + 4, 8, arp(1, A4, B4)), `${macs} arp [malformed], 42 bytes`);
});
