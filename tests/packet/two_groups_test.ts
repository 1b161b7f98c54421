import assert from "node:assert/strict";
import { either } from "../../src/packet/classic.ts";
import { innerFrame } from "../../src/packet/decode.ts";
import { MATCH, translate, UNDECIDED } from "../../src/packet/ebpf.ts";
import { Libpcap } from "../../src/packet/libpcap.ts";
import { TwoGroups } from "../../src/packet/two_groups.ts";
import { Failure } from "../../src/sys/failure.ts";
import { run } from "../../src/packet/ebpf_interpreter.ts";
import { EXPRESSIONS } from "../support/expressions.ts";
import { randomFrame } from "../support/frames.ts";
import * as make from "../support/packets.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { NOT_TUNNELLED, TUNNELLED } from "../support/tunnels.ts";

const SEED = 12;

function ping(from: readonly number[], to: readonly number[]): Uint8Array {
  return Uint8Array.from(make.ethernet(0x0800, make.ipv4(1, from, to, make.icmp(8, 0, [0, 7]))));
}

Deno.test("a packet belongs to the first group whose filter it matches", async () => {
  using groups = await TwoGroups.open(["dst host 10.1.1.6", "icmp"]);
  const of = (bytes: Uint8Array): unknown => groups.groupOf(bytes, bytes.length);
  assert.equal(of(ping(make.A4, make.B4)), 0);
  assert.equal(of(ping(make.B4, make.A4)), 1);
  assert.equal(of(Uint8Array.from(make.arp(1, make.A4, make.A4))), null);
});

Deno.test("a packet in a tunnel belongs to the group that its inner or its outer headers match", async () => {
  // Addresses of the inner and of the outer packets of tests/support/tunnels.ts.
  using inner = await TwoGroups.open(["udp port 1", "host 10.9.0.1 or host 2001:db8::9"]);
  using outer = await TwoGroups.open([
    "udp port 1",
    "host 192.0.2.1 or host 2001:db8::1 or vlan 7",
  ]);
  for (const { name, bytes } of TUNNELLED) {
    assert.equal(inner.groupOf(bytes, bytes.length), 1, name);
    assert.equal(outer.groupOf(bytes, bytes.length), 1, name);
  }
  for (const { name, bytes } of NOT_TUNNELLED) {
    assert.equal(inner.groupOf(bytes, bytes.length), null, name);
  }
});

Deno.test("an inner frame is the bytes behind the tunnel, with a header in front of bare IP", () => {
  for (const { name, bytes, inner } of TUNNELLED) {
    const frame = innerFrame(bytes, bytes.length + 100)!;
    const rest = bytes.slice(inner);
    const front = frame.bytes.length - rest.length;
    assert.ok(front === 0 || front === 14, name);
    assert.deepEqual(frame.bytes.slice(front), rest, name);
    assert.equal(frame.length, front + rest.length + 100, name);
  }
});

Deno.test("the kernel's filter matches what belongs to a group, and nothing else", async () => {
  using libpcap = await Libpcap.open();
  const random = new Random(SEED);
  const runs = propertyRuns(4_000);
  console.log(`${runs} frames from seed ${SEED}`);
  let matches = 0;
  for (let at = 0; at < runs; at++) {
    const pair = [random.pick(EXPRESSIONS), random.pick(EXPRESSIONS)] as const;
    const [one, other] = pair.map((text) => libpcap.compile(text, true)) as [
      ReturnType<Libpcap["compile"]>,
      ReturnType<Libpcap["compile"]>,
    ];
    const { whole } = randomFrame(random);
    const answer = run(translate(either(one, other)), whole, whole.length, whole.length);
    assert.notEqual(answer, UNDECIDED);
    const expected = libpcap.matches(one, whole, whole.length) ||
      libpcap.matches(other, whole, whole.length);
    // A load behind the packet's end ends libpcap's programs, and so the first of two.
    if (!expected || answer === MATCH) assert.equal(answer === MATCH, expected, pair.join(" | "));
    else assert.ok(!libpcap.matches(one, whole, whole.length), pair.join(" | "));
    matches += answer === MATCH ? 1 : 0;
  }
  assert.ok(matches > runs / 10);
});

Deno.test("the second filter is not read as a part of the first", async () => {
  using groups = await TwoGroups.open(["vlan 5", "dst host 10.1.1.6"]);
  const untagged = ping(make.A4, make.B4);
  const { length } = untagged;
  assert.equal(run(groups.filter, untagged, length, length), MATCH);
  assert.equal(groups.groupOf(untagged, length), 1);
  for (const pair of [["host a) or (host b", "icmp"], ["icmp", "udp port"]] as const) {
    await assert.rejects(
      TwoGroups.open(pair),
      (error) => error instanceof Failure && error.kind === "expression",
    );
  }
});
