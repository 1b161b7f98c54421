import assert from "node:assert/strict";
import { MATCH, NO_MATCH, UNDECIDED } from "../../src/packet/ebpf.ts";
import { compileFilters, type Expressions } from "../../src/packet/expression.ts";
import { packetMatches } from "../../src/packet/packet_match.ts";
import { RECORDED_BYTES } from "../../src/probe/packet_record.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { FilterProgram } from "../support/filter_program.ts";
import { randomFrame } from "../support/frames.ts";
import { TUNNELLED6 } from "../support/journeys.ts";
import { Random } from "../support/random.ts";
import { NOT_TUNNELLED, TUNNELLED } from "../support/tunnels.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

const SEED = 0x5eed_0140;
const FRAMES = 150;

const FILTERS: readonly Partial<Expressions>[] = [
  { any: "icmp" },
  { any: "not ip" },
  { any: "tcp port 80 or udp" },
  { any: "host 10.9.0.1", outer: "udp" },
  { outer: "vlan or ip6" },
  { inner: "icmp or icmp6" },
  { outer: "host 192.0.2.1", inner: "len < 50" },
  { any: "icmp6", outer: "ip", inner: "host 2001:db8::9" },
];

test("a filter answers for a recording as it does in the kernel", async () => {
  const random = new Random(SEED);
  const frames = [
    ...Array.from({ length: FRAMES }, () => randomFrame(random))
      .filter(({ captured }) => captured.length >= 15)
      .map(({ captured, whole }) => ({ bytes: captured, length: whole.length })),
    ...[...TUNNELLED, ...NOT_TUNNELLED].flatMap(({ bytes }) => [
      { bytes, length: bytes.length },
      { bytes: bytes.slice(0, 15 + random.int(bytes.length - 15)), length: bytes.length },
    ]),
  ];
  console.log(`${FILTERS.length} filters × ${frames.length} frames from seed ${SEED}`);
  const answers = [0, 0, 0];
  for (const { any = null, outer = null, inner = null } of FILTERS) {
    const filter = await compileFilters({ any, outer, inner });
    using program = await FilterProgram.of(filter);
    for (const [index, { bytes, length }] of frames.entries()) {
      const wanted = program.result({ bytes, length });
      const what = `${JSON.stringify({ any, outer, inner })} ${index}`;
      assert.equal(packetMatches(filter!, bytes, length), wanted, what);
      answers[wanted]!++;
    }
  }
  console.log(`${answers[MATCH]} match, ${answers[UNDECIDED]} are undecided`);
  assert.ok(answers.every((count) => count > 100), `${answers}`);
});

Deno.test("what is recorded of a packet decides about ports over IPv6 in a tunnel", async () => {
  const { bytes, length } = TUNNELLED6;
  const recorded = bytes.subarray(0, RECORDED_BYTES);
  for (const [inner, answer] of [["tcp dst port 443", MATCH], ["udp", NO_MATCH]] as const) {
    const filter = await compileFilters({ any: null, outer: null, inner });
    assert.equal(packetMatches(filter!, recorded, length), answer, inner);
  }
});
