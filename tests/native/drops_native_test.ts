import assert from "node:assert/strict";
import { dropProbes } from "../../src/probe/drop_probes.ts";
import { readBtfOnly, SYSTEM_PATHS } from "../../src/kernel/sources.ts";
import type { DropOffsets } from "../../src/kernel/drop_offsets.ts";
import { compileFilters } from "../../src/packet/expression.ts";
import { DROP_OFFSETS } from "../../src/probe/layout.ts";
import { Libbpf, LibbpfError } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { networkNamespaces } from "../../src/sys/network.ts";
import type { Drop } from "../../src/trace/drop.ts";
import { loadDropTracer } from "../../src/trace/drop_tracer.ts";
import { dropWords } from "../../src/trace/drop_words.ts";
import { DropReader } from "../../src/trace/drops.ts";
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  bpfTest,
  whyNoPrograms,
} from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { SMALL } from "../support/loaded_object.ts";
import { testUnless } from "../support/skip.ts";

// Drops of this machine's kernel: datagrams to a port that nobody listens at. The sender knows how many.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const DATAGRAMS = 500;
/** Discard, RFC 863. */
const PORT = 9;
const LOOPBACK = 1;
const NO_SOCKET = "SKB_DROP_REASON_NO_SOCKET";

const WITHOUT_ROUTES = [
  "vrft_drop_vr_packet",
  "vrft_drop_sk_buff",
  "vrft_drop_kernel",
  "vrft_segmented",
  "vrft_flow",
  "vrft_flow_lookup",
];
const OF_KERNEL = / softnet_data$/m.test(Deno.readTextFileSync(SYSTEM_PATHS.kallsyms))
  ? ""
  : `${SYSTEM_PATHS.kallsyms} has no variables`;
const PROGRAMS = [
  { object: "drops", programs: WITHOUT_ROUTES, without: "" },
  {
    object: "drops",
    programs: [...WITHOUT_ROUTES, "vrft_begin", "vrft_mac", "vrft_prefix"],
    without: OF_KERNEL,
  },
  { object: "drops_5.10", programs: WITHOUT_ROUTES, without: "" },
] as const;

const QUIET = { cancelled: () => false, info: () => {}, debug: () => {} };

/** Sends datagrams, each a line. */
async function send(): Promise<void> {
  const script =
    `for ((i = 0; i < ${DATAGRAMS}; i++)); do echo $i >/dev/udp/127.0.0.1/${PORT}; done`;
  const { success } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  assert.ok(success);
}

/** Whether it is one of {@linkcode send}'s. */
function isSent({ bytes }: Drop): boolean {
  return bytes[23] === 17 && bytes[36] === 0 && bytes[37] === PORT;
}

test("each packet that the kernel drops is seen once, with reason, place and bytes", async () => {
  const { kernel } = await readBtfOnly({ kernelBtf: null, vrouterBtf: null, vrouter: false });
  const netns = networkNamespaces().current;
  using tracer = await loadDropTracer({
    kernel,
    vrouter: null,
    lookups: true,
    interfaces: [{ netns, ifindex: LOOPBACK, vifIndex: null }],
    own: [],
    ringBytes: 1 << 20,
    vrouterNetns: 0,
    kernelBtf: null,
    readObject: (name) => Promise.resolve(builtObject(name)),
    user: QUIET,
  });
  assert.deepEqual(await tracer.attach({ ...QUIET, report: () => {} }), []);
  const drops: Drop[] = [];
  const reader = new DropReader({
    words: dropWords(kernel, null, () => null),
    offsets: {},
    vifs: () => [{ index: 5, device: "lo", ifindex: LOOPBACK, vrf: 1 }],
    vrouterNetns: netns,
    device: (_, ifindex) => ifindex === LOOPBACK ? "lo" : null,
    kallsyms: () => Deno.readFileSync(SYSTEM_PATHS.kallsyms),
  }, (drop) => drops.push(drop));
  const stop = new AbortController();
  let sending: Promise<void> | undefined;
  await tracer.run(reader, stop.signal, new AbortController().signal, () => {
    sending = send().finally(() => stop.abort());
    return { turn: () => {}, [Symbol.dispose]: () => {} };
  });
  await sending;
  const sent = drops.filter(isSent);
  assert.equal(sent.length, DATAGRAMS);
  assert.deepEqual(tracer.counts().lost, 0);
  assert.equal(reader.damaged, 0);
  const payloads = sent.map(({ bytes, length }) => {
    assert.equal(bytes.length, length);
    return Number(new TextDecoder().decode(bytes.subarray(42)));
  });
  assert.deepEqual(payloads, Array.from({ length: DATAGRAMS }, (_, index) => index));
  for (const { reason, source, stack, device, vif, vrf, flow, route, nexthop } of sent) {
    assert.deepEqual([reason.name, reason.label, reason.class], [NO_SOCKET, "NO_SOCKET", "lost"]);
    assert.match(stack[0]!, /udp4?_(lib_)?(unicast_)?rcv/);
    assert.ok(stack.includes("net_rx_action") || stack.length > 3, stack.join(" < "));
    assert.deepEqual({ source, device, vif, vrf, flow, route, nexthop }, {
      source: "kernel",
      device: "lo",
      vif: { index: 5, device: "lo" },
      vrf: 1,
      flow: null,
      route: null,
      nexthop: null,
    });
  }
});

test("the probes for drops are told by the prototype of the kernel's tracepoint", async () => {
  const { kernel } = await readBtfOnly({ kernelBtf: null, vrouterBtf: null, vrouter: false });
  const parameters = kernel.parameterCountOf("btf_trace_kfree_skb")!;
  const { object, programs } = dropProbes({ kernel, vrouter: null, lookups: true });
  assert.equal(object(kernel), parameters > 3 ? "drops" : "drops_5.10");
  assert.deepEqual(programs.map(({ name }) => name), ["vrft_drop_kernel"]);
});

/** All offsets known, so that no code is left out. */
const OFFSETS = Object.fromEntries(
  DROP_OFFSETS.map((name, index) => [name, { offset: 8 * index, bytes: 4 }]),
) as unknown as DropOffsets;
const CONDITIONS = { vif: [1], vrf: [2], nh: [3], label: [4], vni: [5] };

const noKprobes = whyNoPrograms(BPF_PROG_TYPE_KPROBE);

for (const { object, programs, without } of PROGRAMS) {
  const what = `${programs.length} programs of the object "${object}"`;
  testUnless(noKprobes || without, `the verifier accepts ${what}`, async () => {
    using libbpf = await Libbpf.open();
    const filter = await compileFilters({
      any: "host 10.1.1.5 and (tcp port 80 or vlan)",
      outer: "udp",
      inner: "icmp",
    });
    for (
      const options of [
        {},
        { filter, conditions: CONDITIONS, dropOffsets: OFFSETS, shared: { rps: 4, gro: [2, 3] } },
      ]
    ) {
      try {
        const bytes = builtObject(object);
        const all = { ...SMALL, vpIfOffset: 8, vifIdxOffset: 16, ...options };
        using loaded = BpfObject.load(libbpf, bytes, programs.map((name) => ({ name })), all);
        for (const name of programs) assert.ok(loaded.programFd(name) > 0, name);
      } catch (error) {
        if (error instanceof LibbpfError) console.log(error.details);
        throw error;
      }
    }
  });
}
