import assert from "node:assert/strict";
import { type Instruction, MATCH, NO_MATCH, translate, UNDECIDED } from "../../src/packet/ebpf.ts";
import { FILTER_ROOM } from "../../src/packet/expression.ts";
import { Libpcap } from "../../src/packet/libpcap.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { EXPRESSIONS } from "../support/expressions.ts";
import { FilterProgram, type SkBuff } from "../support/filter_program.ts";
import { randomFrame } from "../support/frames.ts";
import { Random } from "../support/random.ts";
import { NOT_TUNNELLED, TUNNELLED } from "../support/tunnels.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

const SEED = 12;
const FRAMES = 200;

const PING = Uint8Array.from([
  ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00],
  ...[0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, 10, 1, 1, 1, 10, 1, 1, 2],
  ...[8, 0, 0, 0, 0, 1, 0, 1],
]);

/** Each takes some 100 ms to load; tests/packet/ebpf_test.ts has them all. */
const SAMPLE = EXPRESSIONS.filter((_, index) => index % 4 === 1);

test("the verifier accepts filters of all kinds, and they answer as libpcap does", async () => {
  using libpcap = await Libpcap.open();
  const random = new Random(SEED);
  const frames = Array.from({ length: FRAMES }, () => randomFrame(random))
    .filter(({ captured }) => captured.length >= 14);
  console.log(`${SAMPLE.length} expressions × ${frames.length} frames from seed ${SEED}`);
  let matches = 0;
  let most = 0;
  for (const expression of SAMPLE) {
    using program = await FilterProgram.load({ outer: expression });
    most = Math.max(most, program.steps);
    const classic = libpcap.compile(expression, true);
    for (const [index, { captured, whole }] of frames.entries()) {
      const what = `"${expression}" ${index}`;
      const result = program.result({ bytes: captured, length: whole.length });
      if (result === UNDECIDED) {
        assert.ok(captured.length < whole.length, what);
        assert.equal(libpcap.matches(classic, captured, whole.length), false, what);
      } else {
        const wanted = libpcap.matches(classic, whole, whole.length);
        assert.equal(result, wanted ? MATCH : NO_MATCH, what);
        matches += result;
      }
    }
  }
  console.log(`${matches} matches; at most ${most} steps of the verifier`);
  assert.ok(matches > 200 && most < 20_000);
});

test("a packet without Ethernet header is given one", async () => {
  const bare = PING.slice(14);
  const forms: SkBuff[] = [
    { bytes: bare, mac: null, network: 0, protocol: 0x0800 },
    { bytes: bare, mac: null, network: 0, protocol: 0 },
    // Of a device without: both headers at the same place.
    { bytes: bare, mac: 0, network: 0, protocol: 0x0800 },
    // The data starts behind the IP header.
    { bytes: bare, mac: null, network: 0, protocol: 0x0800, data: 20 },
    // Put in front of the IP header by now.
    { bytes: PING, mac: null, network: 14, data: 0, protocol: 0x0800 },
    // As usual.
    { bytes: PING },
    { bytes: PING, data: 0 },
    { bytes: PING, network: null },
    { bytes: PING, network: null, data: 0 },
  ];
  using program = await FilterProgram.load({ any: "icmp and host 10.1.1.2 and len == 42" });
  using sourced = await FilterProgram.load({ any: "ether src 02:00:00:00:00:02" });
  for (const form of forms) {
    assert.equal(program.result(form), MATCH, JSON.stringify(form));
    const hasHeader = form.mac !== null && form.network !== 0;
    assert.equal(sourced.result(form), hasHeader ? MATCH : NO_MATCH, JSON.stringify(form));
  }
  const six = Uint8Array.from([0x60, ...new Uint8Array(39)]);
  using ip6 = await FilterProgram.load({ any: "ip6" });
  assert.equal(ip6.result({ bytes: six, mac: null, network: 0, protocol: 0 }), MATCH);
});

test("a packet without any header is undecided", async () => {
  for (const expression of ["icmp", "not icmp"]) {
    using program = await FilterProgram.load({ any: expression });
    assert.equal(program.result({ bytes: PING, mac: null, network: null, data: 14 }), UNDECIDED);
    assert.equal(program.result({ bytes: PING }), expression === "icmp" ? MATCH : NO_MATCH);
  }
});

test("a VLAN tag that the kernel has taken off counts as if it stood in the packet", async () => {
  const tagged = { bytes: PING, tag: 0x8100_2005 };
  const bare = { bytes: PING.slice(14), mac: null, network: 0, protocol: 0x0800, tag: 0x88a8_0005 };
  for (
    const [expression, plain, one, service] of [
      ["icmp", MATCH, NO_MATCH, NO_MATCH],
      ["vlan", NO_MATCH, MATCH, MATCH],
      ["vlan 5 and icmp and host 10.1.1.2", NO_MATCH, MATCH, MATCH],
      ["vlan 6", NO_MATCH, NO_MATCH, NO_MATCH],
      ["ether proto 0x8100 and ether[14:2] = 0x2005", NO_MATCH, MATCH, NO_MATCH],
      ["ether proto 0x88a8", NO_MATCH, NO_MATCH, MATCH],
      ["ether src 02:00:00:00:00:02 and ether[16:2] = 0x800", NO_MATCH, MATCH, NO_MATCH],
      ["len = 46", NO_MATCH, MATCH, MATCH],
    ] as const
  ) {
    using program = await FilterProgram.load({ outer: expression });
    assert.equal(program.result({ bytes: PING }), plain, expression);
    assert.equal(program.result(tagged), one, `${expression}, tagged`);
    assert.equal(program.result(bare), service, `${expression}, tagged without header`);
  }
});

test("the inner frame of each encapsulation is found, with its VNI or label", async () => {
  using four = await FilterProgram.load({ inner: "icmp and host 10.9.0.1 and not host 192.0.2.1" });
  using six = await FilterProgram.load({ inner: "icmp6 and host 2001:db8::9" });
  using long = await FilterProgram.load({ inner: "len = 42 or len = 62" });
  for (const { name, bytes, tunnel, number, isV6 } of TUNNELLED) {
    const [right, wrong] = isV6 ? [six, four] : [four, six];
    assert.deepEqual(right.answer({ bytes }), { result: MATCH, tunnel, number }, name);
    assert.deepEqual(wrong.answer({ bytes }), { result: NO_MATCH, tunnel, number }, name);
    assert.equal(long.result({ bytes }), MATCH, `length of ${name}`);
    const bare = { bytes: bytes.slice(14), mac: null, network: 0 };
    const protocol = (bytes[12] ?? 0) << 8 | (bytes[13] ?? 0);
    assert.equal(right.result({ ...bare, protocol }), MATCH, `${name}, without outer header`);
    if (protocol === 0x8100) continue;
    const tagged = { bytes, tag: 0x8100_0005 };
    assert.deepEqual(right.answer(tagged), { result: MATCH, tunnel, number }, `${name}, tagged`);
  }
  for (const { name, bytes } of NOT_TUNNELLED) {
    assert.equal(four.result({ bytes }), NO_MATCH, name);
  }
});

test("an inner frame behind the bytes at hand is undecided, until it is there", async () => {
  using program = await FilterProgram.load({ inner: "icmp or icmp6" });
  for (const { name, bytes, inner } of TUNNELLED) {
    for (let hand = 15; hand < inner; hand++) {
      const packet = { bytes: bytes.slice(0, hand), length: bytes.length };
      // Behind the outer EtherType, which has to be there to tell anything.
      assert.equal(program.result(packet), UNDECIDED, `${hand} of ${name}`);
      const short = program.result({ bytes: bytes.slice(0, hand) });
      assert.equal(short, NO_MATCH, `only ${hand} of ${name}`);
    }
  }
});

test("bytes behind those ever looked at do not leave a packet undecided", async () => {
  const long = new Uint8Array(400);
  long.set(PING);
  long[14] = 0x4f;
  // Through an index, as libpcap itself knows no limit.
  using program = await FilterProgram.load({ outer: "icmp[200] = 0" });
  assert.equal(program.result({ bytes: long, length: 1_000 }), NO_MATCH);
  assert.equal(program.result({ bytes: long.slice(0, 240), length: 1_000 }), UNDECIDED);
});

test("a plain filter matches any layer, the others theirs, and all must match", async () => {
  const { bytes } = TUNNELLED.find(({ isV6 }) => !isV6)!;
  const plain = { bytes: PING };
  const cut = { bytes: bytes.slice(0, 40), length: bytes.length };
  const outer = "host 192.0.2.1";
  const inner = "icmp and host 10.9.0.1";
  for (
    const [expressions, tunnelled, other, partly] of [
      [{ any: outer }, MATCH, NO_MATCH, MATCH],
      [{ any: inner }, MATCH, NO_MATCH, UNDECIDED],
      [{ any: "icmp" }, MATCH, MATCH, UNDECIDED],
      [{ any: "tcp" }, NO_MATCH, NO_MATCH, UNDECIDED],
      [{ any: "not ip" }, NO_MATCH, NO_MATCH, UNDECIDED],
      [{ outer }, MATCH, NO_MATCH, MATCH],
      [{ outer: inner }, NO_MATCH, NO_MATCH, NO_MATCH],
      [{ inner }, MATCH, NO_MATCH, UNDECIDED],
      [{ inner: outer }, NO_MATCH, NO_MATCH, UNDECIDED],
      [{ outer, inner }, MATCH, NO_MATCH, UNDECIDED],
      [{ outer: "tcp", inner }, NO_MATCH, NO_MATCH, NO_MATCH],
      [{ outer, inner: "tcp" }, NO_MATCH, NO_MATCH, UNDECIDED],
      [{ any: "icmp", outer, inner }, MATCH, NO_MATCH, UNDECIDED],
      [{ any: "arp", outer, inner }, NO_MATCH, NO_MATCH, UNDECIDED],
      [{ any: "udp", outer }, MATCH, NO_MATCH, MATCH],
      [{ any: "icmp", inner: "host 10.9.0.2" }, MATCH, NO_MATCH, UNDECIDED],
      [{}, MATCH, MATCH, MATCH],
    ] as const
  ) {
    using program = await FilterProgram.load(expressions);
    const what = JSON.stringify(expressions);
    assert.equal(program.result({ bytes }), tunnelled, what);
    assert.equal(program.result(plain), other, `${what}, without tunnel`);
    assert.equal(program.result(cut), partly, `${what}, partly at hand`);
  }
});

test("a packet is undecided while the program it interrupts is at work", async () => {
  using program = await FilterProgram.load({ any: "icmp" });
  program.occupy();
  assert.equal(program.result({ bytes: PING }), UNDECIDED);
});

test("filters as long as the room for them load in a moment", async () => {
  using libpcap = await Libpcap.open();
  const hosts = (count: number): string =>
    Array.from({ length: count }, (_, i) => `host 10.${1 + (i & 7)}.${i >> 3}.9`).join(" or ");
  // Not optimised, for length.
  const compile = (count: number): Instruction[] => translate(libpcap.compile(hosts(count), false));
  const matching = PING.slice();
  matching.set([10, 2, 0, 9], 30);
  for (const [count, least, most] of [[6, 200, 300], [76, 3_950, FILTER_ROOM]] as const) {
    const filter = compile(count);
    assert.ok(filter.length >= least && filter.length <= most, `${filter.length}`);
    using program = await FilterProgram.of({ any: filter, outer: filter, inner: null });
    console.log(`${filter.length} instructions twice: ${program.steps} steps`);
    assert.ok(program.steps < 80_000);
    assert.equal(program.result({ bytes: matching }), MATCH);
    assert.equal(program.result({ bytes: PING }), NO_MATCH);
    using inner = await FilterProgram.of({ any: filter, outer: null, inner: filter });
    assert.equal(inner.result({ bytes: matching }), NO_MATCH);
  }
});

test("a filter longer than the room for it is refused", async () => {
  using libpcap = await Libpcap.open();
  const filter = translate(libpcap.compile("ip", true));
  const [first] = filter;
  const long = [...Array<Instruction>(FILTER_ROOM + 5).fill(first!), ...filter];
  await assert.rejects(
    () => FilterProgram.of({ any: long, outer: null, inner: null }),
    /^Failure: The BPF object has no room for \d+ instructions$/,
  );
});
