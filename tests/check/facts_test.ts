import assert from "node:assert/strict";
import {
  buildIdNote,
  loadSources,
  readEvidence,
  sameNote,
  tracefsMount,
  vrouterBtfFacts,
} from "../../src/check/facts.ts";
import { Btf } from "../../src/kernel/btf.ts";
import { NO_PACKET_OFFSETS, packetOffsets } from "../../src/kernel/packet_offsets.ts";
import type { KernelSources } from "../../src/kernel/sources.ts";
import { Failure } from "../../src/sys/failure.ts";
import { BtfWriter, elfFile } from "../support/btf_writer.ts";

const OPTIONS = { kernelBtf: null, vrouterBtf: null, vrouter: true };

const KALLSYMS = new TextEncoder().encode(`\
ffffffff81000010 T register_kprobe
ffffffff81000020 t trace_call_bpf.isra.0
ffffffffc0000010 t vm_rx	[vrouter]
ffffffffc0000020 t bpf_map_new_fd	[vrouter]
`);

/** Sources of a kernel, and of vrouter where `members` are those of its structs. */
function sources(vrouter?: { packet?: boolean }): KernelSources {
  const kernel = new BtfWriter();
  const int = kernel.int("int", 4);
  const base = Btf.parse(kernel.bytes());
  const modules = [{ module: "vmlinux", btf: base }];
  if (vrouter !== undefined) {
    const writer = new BtfWriter();
    writer.int("int", 4);
    const packet = vrouter.packet === false ? "vr_other" : "vr_packet";
    writer.struct(packet, 48, [["vp_head", int, 0], ["vp_if", int, 64]]);
    writer.struct("vr_interface", 48, [["vif_idx", int, 32]]);
    writer.func("vm_rx", []);
    modules.push({ module: "vrouter", btf: Btf.parse(writer.bytes()) });
  }
  return {
    kernel: base,
    modules,
    kallsyms: KALLSYMS,
    filterFunctions: null,
    kernelBtf: "/sys/kernel/btf/vmlinux",
    vrouterBtf: vrouter === undefined ? null : "/tmp/vrouter.btf",
    warnings: [],
    vrouterBtfIgnored: null,
    leftOut: [],
    notes: [],
  };
}

Deno.test("loadSources() tells whose BTF is at fault", async () => {
  const whole = await loadSources(OPTIONS, () => Promise.resolve(sources({})));
  assert.equal(whole.kernelFailure, null);
  assert.equal(whole.vrouterFailure, null);
  assert.equal(whole.kallsyms, KALLSYMS);

  const fails = "Cannot use vrouter's";
  const vrouter = await loadSources(OPTIONS, ({ vrouter }) => {
    return vrouter ? Promise.reject(new Failure("btf", fails)) : Promise.resolve(sources());
  });
  assert.equal(vrouter.vrouterFailure, fails);
  assert.equal(vrouter.kernelFailure, null);
  assert.notEqual(vrouter.sources, null);

  const kernel = await loadSources(
    OPTIONS,
    () => Promise.reject(new Failure("btf", "Cannot use it")),
  );
  assert.equal(kernel.sources, null);
  assert.equal(kernel.kernelFailure, "Cannot use it");
  assert.equal(kernel.vrouterFailure, null);
});

Deno.test("loadSources() hides no defect", async () => {
  await assert.rejects(loadSources(OPTIONS, () => Promise.reject(new TypeError("x"))), TypeError);
});

Deno.test("readEvidence() looks for functions of the kernel itself, and for files", () => {
  const evidence = [
    { symbol: "register_kprobe" },
    { symbol: "trace_call_bpf" },
    { symbol: "bpf_map_new_fd" },
    { symbol: "nowhere" },
    { file: "/proc/self/status" },
    { file: "/proc/self/nowhere" },
  ];
  assert.deepEqual(readEvidence(evidence, KALLSYMS), [true, true, false, false, true, false]);
  for (const unknown of [null, new Uint8Array()]) {
    assert.deepEqual(readEvidence(evidence, unknown), [null, null, null, null, true, false]);
  }
});

Deno.test("tracefsMount() finds tracefs in one of its places", () => {
  const line = (place: string, type = "tracefs"): string => `${type} ${place} ${type} rw 0 0\n`;
  const debug = "/sys/kernel/debug/tracing";
  const own = "/sys/kernel/tracing";
  assert.equal(tracefsMount(line(own)), own);
  assert.equal(tracefsMount(line("/sys/kernel/debug", "debugfs") + line(debug)), debug);
  assert.equal(tracefsMount(line(debug) + line(own)), own);
  assert.equal(tracefsMount(line("/mnt") + line(own, "tmpfs")), null);
  assert.equal(tracefsMount(""), null);
});

Deno.test("packetOffsets() gives bytes, or nothing for BTF that is not vrouter's", () => {
  assert.deepEqual(packetOffsets(sources({}).modules), {
    ...NO_PACKET_OFFSETS,
    vpIfOffset: 8,
    vifIdxOffset: 4,
  });
  assert.equal(packetOffsets(sources({ packet: false }).modules), null);
  assert.equal(packetOffsets(sources().modules), null);
});

Deno.test("vrouterBtfFacts() compares with the loaded module alone", async () => {
  const facts = (await vrouterBtfFacts(sources({}), true))!;
  assert.equal(facts.own, false);
  assert.equal(facts.describesPackets, true);
  assert.deepEqual(facts.agreement, { described: 1, running: 1 });
  assert.equal(facts.undescribed, 1);
  assert.equal((await vrouterBtfFacts(sources({}), false))!.agreement, null);
  assert.equal(await vrouterBtfFacts(sources(), true), null);
});

Deno.test("buildIdNote() takes the note out of an ELF file, and finds none in what is none", () => {
  const id = new Uint8Array([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0, 1, 2, 3]);
  const file = elfFile({ ".text": new Uint8Array(9), ".note.gnu.build-id": id });
  assert.deepEqual(buildIdNote(file), id);
  assert.equal(buildIdNote(elfFile({ ".text": new Uint8Array(9) })), null);
  assert.equal(buildIdNote(new BtfWriter().bytes()), null);
  assert.equal(buildIdNote(file.subarray(0, 70)), null);
  assert.equal(buildIdNote(null), null);
});

Deno.test("sameNote() compares bytes, and says nothing where one is missing", () => {
  const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
  assert.equal(sameNote(bytes(1, 2), bytes(1, 2)), true);
  assert.equal(sameNote(bytes(1, 2), bytes(1, 3)), false);
  assert.equal(sameNote(bytes(1, 2), bytes(1, 2, 3)), false);
  assert.equal(sameNote(bytes(1), null), null);
  assert.equal(sameNote(null, bytes(1)), null);
});
