/**
 * tcpdump as the judge of what packets are called.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodePacket } from "../../src/packet/decode.ts";
import { describePacket } from "../../src/packet/describe.ts";
import { type Frame, randomFrame } from "../support/frames.ts";
import { A4, A6, arp, B4, B6, ethernet, icmp, ipv4, ipv6, udp } from "../support/packets.ts";
import { pcapFile } from "../support/pcap_file.ts";
import { forRandomCases } from "../support/property.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { TUNNELLED } from "../support/tunnels.ts";

const noTcpdump = whyNoProgram("tcpdump");

testUnless(noTcpdump, "addresses, ports and TCP flags are those that tcpdump prints", async () => {
  const frames: Frame[] = [];
  forRandomCases(32, (random) => frames.push(randomFrame(random)), 4_000);
  let compared = 0;
  const lines = await tcpdump(frames);
  for (const [index, { captured, whole }] of frames.entries()) {
    const { outer, inner } = decodePacket(captured, whole.length);
    // It gives up on options and extension headers that make no sense, which do not matter here.
    const isRight = outer.damage === null && inner === null && !/\[\||invalid/.test(lines[index]!);
    const wanted = inTcpdumpsWords(describePacket(captured, whole.length));
    if (!isRight || wanted === null) continue;
    assert.match(lines[index]!, wanted, `${index}: ${wanted} in "${lines[index]}"`);
    compared++;
  }
  console.log(`${compared} of ${frames.length} frames compared`);
  assert.ok(compared > frames.length / 8);
});

testUnless(noTcpdump, "packets in tunnels are those that tcpdump prints", async () => {
  // MPLS over UDP it knows by the assigned port alone.
  const known = TUNNELLED.filter(({ name }) => !name.includes("51234"));
  const lines = await tcpdump(known.map(({ bytes }) => ({ captured: bytes, whole: bytes })));
  for (const [index, { name, bytes }] of known.entries()) {
    const { outer, inner } = decodePacket(bytes, bytes.length);
    const { labels, vni } = outer.tunnel!;
    const numbers = [
      ...labels.map((label) => `label ${label},`),
      ...(vni === null ? [] : [`vni ${vni}`]),
    ];
    for (const number of numbers) assert.ok(lines[index]!.includes(number), name);
    // It does not look for Ethernet behind a label.
    if (vni === null && inner!.ethernet !== null) continue;
    const wanted = inTcpdumpsWords(describePacket(bytes, bytes.length).split("|")[1]!)!;
    assert.match(lines[index]!, wanted, `${name}: ${wanted} in "${lines[index]}"`);
  }
});

testUnless(noTcpdump, "messages of ICMP and ARP are called as tcpdump calls them", async () => {
  const echo = [0, 7, 0, 1];
  const messages = [
    ...[[0, 0, echo], [8, 0, echo], [11, 0, [0, 0, 0, 0, ...ipv4(17, B4, A4, udp(1, 2, []))]]].map((
      [type, code, rest],
    ) => ethernet(0x0800, ipv4(1, A4, B4, icmp(type as number, code as number, rest as number[])))),
    ...[
      [128, 0, echo],
      [129, 0, echo],
      [2, 0, [0, 0, 5, 0x78]],
      [3, 0, [0, 0, 0, 0]],
      [133, 0, [0, 0, 0, 0]],
      [135, 0, [0, 0, 0, 0, ...B6]],
      [136, 0, [0, 0, 0, 0, ...A6]],
    ].map(([type, code, rest]) =>
      ethernet(0x86dd, ipv6(58, A6, B6, icmp(type as number, code as number, rest as number[])))
    ),
    arp(1, A4, B4),
    arp(2, A4, B4),
  ].map((bytes) => Uint8Array.from(bytes));
  const lines = await tcpdump(messages.map((bytes) => ({ captured: bytes, whole: bytes })));
  for (const [index, bytes] of messages.entries()) {
    const wanted = describePacket(bytes, bytes.length)
      .replace(/, \d+ bytes$/, "").replace(/^.*(icmp6?|arp) (reply )?/, "").toLowerCase();
    assert.ok(lines[index]!.toLowerCase().includes(wanted), `"${wanted}" in "${lines[index]}"`);
  }
});

/** A line for each frame. */
async function tcpdump(frames: readonly Frame[]): Promise<string[]> {
  const child = new Deno.Command("tcpdump", {
    args: ["-n", "-n", "-tt", "-r", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = new Blob([pcapFile(frames)]).stream().pipeTo(child.stdin);
  const { stdout, stderr, success } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  await written;
  // A packet can take several lines. The first has its time, which is its index.
  const lines = frames.map(() => "");
  for (const line of new TextDecoder().decode(stdout).split(/\n(?=\d+\.\d{6} )/)) {
    lines[parseInt(line)] = line.replaceAll(/\s+/g, " ").replaceAll(/ length \d+,/g, "");
  }
  return lines;
}

/** What tcpdump's line has of a packet described by vrft; `null` if vrft told no ports nor ICMP. */
function inTcpdumpsWords(line: string): RegExp | null {
  const ports = /(\S+) > (\S+) (tcp|udp|sctp) (\d+) > (\d+)(?: ([^ ,]+))?/.exec(line);
  if (ports !== null) {
    const [, source, destination, protocol, from, to, flags] = ports;
    const end = protocol === "tcp" ? ` Flags [${flags}]` : "";
    return oneOf(
      [`${source}.${from} > ${destination}.${to}:${end}`],
      // With extension headers in between.
      [`${source} > ${destination}: `, `${from} > ${to}:${end}`],
    );
  }
  const icmp = /(\S+ > \S+) icmp6? (?!fragment)/.exec(line);
  return icmp === null ? null : oneOf([`${icmp[1]}: `, "ICMP"]);
}

/** One of the texts, each with anything between its parts. */
function oneOf(...texts: readonly string[][]): RegExp {
  const literal = (text: string): string => text.replaceAll(/[.[\]]/g, "\\$&");
  return new RegExp(texts.map((parts) => parts.map(literal).join(".*")).join("|"));
}
