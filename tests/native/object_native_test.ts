import assert from "node:assert/strict";
import { elfSection } from "../../src/kernel/elf.ts";
import { kprobe } from "../../src/probe/backends/kprobe_events.ts";
import { multi } from "../../src/probe/backends/multi.ts";
import { missedByProgram } from "../../src/probe/bpf_syscall.ts";
import { setFilter } from "../../src/probe/filter.ts";
import {
  CONFIG_RECORD_VERSION,
  CONTROL_BYTES,
  CONTROL_ENABLED,
  CONTROL_INTERFACE_BITS,
} from "../../src/probe/layout.ts";
import { Libbpf, LibbpfError } from "../../src/probe/libbpf.ts";
import { BpfObject } from "../../src/probe/object.ts";
import { RECORD_VERSION } from "../../src/probe/record.ts";
import { Failure } from "../../src/sys/failure.ts";
import { monotonicClock } from "../../src/sys/clock.ts";
import { SystemError } from "../../src/sys/libc.ts";
import { BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { openDescriptors, stderrOf } from "../support/descriptors.ts";
import { kernelWithSession } from "../support/kernels.ts";
import { SMALL, TEST_PROGRAM } from "../support/loaded_object.ts";
import { assertDisposed } from "../support/disposal.ts";
import { Counters } from "../../src/probe/counters.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { setRings } from "../../src/probe/ring_layout.ts";
import { RingMapping } from "../../src/probe/ring_mapping.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

/** Returns the error of loading; nothing may be left open or printed. */
async function failureOf(
  bytes: Uint8Array<ArrayBuffer>,
  programs = TEST_PROGRAM,
  options = SMALL,
): Promise<Failure> {
  using libbpf = await Libbpf.open();
  const before = openDescriptors("anon_inode:");
  let failure: unknown;
  const printed = stderrOf(() => {
    try {
      BpfObject.load(libbpf, bytes, programs, options)[Symbol.dispose]();
    } catch (error) {
      failure = error;
    }
  });
  assert.equal(printed, "");
  assert.equal(openDescriptors("anon_inode:"), before);
  if (!(failure instanceof Failure)) assert.fail(`It ended with ${failure}`);
  return failure;
}

test("load() refuses what is no object, and keeps libbpf's words for it", async () => {
  const cases: [string, Uint8Array<ArrayBuffer>][] = [
    ["nothing", new Uint8Array()],
    ["zeroes", new Uint8Array(1000)],
    ["a text", new TextEncoder().encode("#!/bin/sh\n".repeat(100))],
    ["an ELF file of another machine", Deno.readFileSync("/bin/busybox").slice()],
  ];
  for (const [what, bytes] of cases) {
    const failure = await failureOf(bytes);
    assert.ok(failure instanceof LibbpfError, what);
    assert.match(failure.message, /^Cannot open the BPF object: [A-Z][\w ]+$/, what);
    assert.doesNotMatch(failure.message, /unknown/i, what);
    if (what !== "nothing") assert.match(failure.details, /^libbpf: /, what);
  }
});

test("load() refuses an object that is cut off, wherever that is", async () => {
  const whole = builtObject();
  for (let part = 1; part < 32; part++) {
    const failure = await failureOf(whole.slice(0, Math.floor(whole.length * part / 32)));
    assert.ok(failure instanceof LibbpfError, `${part}/32`);
    assert.match(failure.message, /^Cannot open the BPF object: /, `${part}/32`);
  }
});

test("load() refuses an object that writes records of another version", async () => {
  const object = builtObject();
  const data = elfSection(object, ".rodata")!;
  const view = new DataView(data.buffer, data.byteOffset);
  assert.equal(view.getUint32(CONFIG_RECORD_VERSION, true), RECORD_VERSION);
  view.setUint32(CONFIG_RECORD_VERSION, RECORD_VERSION + 1, true);
  const { kind, message } = await failureOf(object);
  assert.equal(kind, "object");
  assert.equal(
    message,
    `The BPF object writes records of version ${RECORD_VERSION + 1}, but this vrft reads version ` +
      `${RECORD_VERSION}: build both from the same source`,
  );
});

test("load() refuses a program that the object has not", async () => {
  const failure = await failureOf(builtObject(), [{ name: "vrft_none" }]);
  assert.equal(
    failure.message,
    'Cannot find the program "vrft_none" in the BPF object: No such file or directory',
  );
});

test("load() says what the kernel refuses", async () => {
  // More entries than a hash map allows.
  const options = { ...SMALL, interfaces: 2 ** 32 - 1 };
  const failure = await failureOf(builtObject(), TEST_PROGRAM, options);
  assert.ok(failure instanceof LibbpfError);
  assert.match(failure.message, /^Cannot load the BPF object: [A-Z]/);
  assert.match(failure.details, /interfaces/);
});

test("a loaded object shares a control block of zeroes and rings, and is gone after dispose", async () => {
  using libbpf = await Libbpf.open();
  const before = openDescriptors("anon_inode:");
  {
    using object = BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, SMALL);
    const zeroes = new ArrayBuffer(CONTROL_BYTES);
    setRings(zeroes, object.ringLayout);
    assert.deepEqual(new Uint8Array(object.control), new Uint8Array(zeroes));
    new Uint8Array(object.control)[CONTROL_ENABLED] = 1;
    assert.equal(new Uint8Array(object.control)[CONTROL_ENABLED], 1);
    assert.ok(object.mapFd("ring_blocks") > 0);
    assert.ok(object.programFd("vrft_test_record") > 0);
  }
  assert.equal(openDescriptors("anon_inode:"), before);
});

test("a loaded object has the programs that were chosen, and no others", async () => {
  using libbpf = await Libbpf.open();
  const [entry] = multi.programs;
  using object = BpfObject.load(libbpf, builtObject("multi"), [], SMALL);
  assert.ok(object.programFd(entry!.name) < 0);
  assert.throws(() => object.programFd("vrft_none"), LibbpfError);
  assert.throws(() => object.mapFd("none"), /^LibbpfError: Cannot find the map "none" in/);
});

test("setFilter() fills the object's table, which has room for as many as were said", async () => {
  using libbpf = await Libbpf.open();
  const options = { ...SMALL, interfaces: 2 };
  using object = BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, options);
  const device = (ifindex: number) => ({ netns: 4026531840, ifindex, vifIndex: null });
  setFilter(object, [device(1), device(2)]);
  setFilter(object, [device(1)]);
  const bits = new Uint8Array(object.control, CONTROL_INTERFACE_BITS, 1);
  assert.equal(bits[0], 0b10);
  assert.throws(
    () => setFilter(object, [device(3)]),
    /^LibbpfError: Cannot write to the map "interfaces": Argument list too long$/,
  );
});

test("missedByProgram() is 0 for a program that never ran", async () => {
  using libbpf = await Libbpf.open();
  using object = BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, SMALL);
  assert.equal(missedByProgram(object.programFd("vrft_test_record")), 0);
  assert.throws(() => missedByProgram(-1), SystemError);
});

/** More than the programs use, of both kinds. */
const OWN = [4, 16, 4, 16, 4].map((bytes) => {
  const end = { address: new Uint8Array(bytes).fill(7), port: 22 };
  return { local: end, remote: { ...end, port: 50000 } };
});
const NONE: typeof OWN = [];

const kprobeTest = bpfTest(BPF_PROG_TYPE_KPROBE);

// Without session, whose kfuncs only exist in kernels that can attach it: the guests test that.
for (const backend of [multi, kprobe]) {
  for (
    const { sample, own, shared, keeping } of [
      { sample: 1, own: NONE, shared: null, keeping: "all packets" },
      { sample: 2 ** 32 - 1, own: NONE, shared: null, keeping: "few packets" },
      { sample: 1, own: OWN, shared: null, keeping: "all packets but those of their output" },
      { sample: 100, own: OWN, shared: null, keeping: "some, but for those of their output" },
      {
        sample: 1,
        own: OWN,
        shared: { rps: 4, gro: [2, 3] },
        keeping: "packets of some physical vifs",
      },
    ]
  ) {
    const what = `${backend.name} that keep ${keeping}`;
    kprobeTest(`the verifier accepts the programs of the backend ${what}`, async () => {
      using libbpf = await Libbpf.open();
      const options = { ...SMALL, vpIfOffset: 8, vifIdxOffset: 16, vrouterNetns: 4026531840 };
      try {
        const places = backend.placesPerFunction;
        const all = { ...options, sample, own, shared, places, drops: true };
        const bytes = builtObject(backend.object(kernelWithSession(undefined, "rethook")));
        using object = BpfObject.load(libbpf, bytes, backend.programs, all);
        for (const { name } of backend.programs) assert.ok(object.programFd(name) > 0, name);
      } catch (error) {
        if (error instanceof LibbpfError) console.log(error.details);
        throw error;
      }
    });
  }
}

test("a disposed object closes once, and everything of it throws", async () => {
  using libbpf = await Libbpf.open();
  const object = BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, SMALL);
  const ring = new RingMapping(object);
  const counters = new Counters(ring.memory.rings);
  const reader = new RingReader(ring.memory, monotonicClock());
  const control = new Int32Array(object.control, 0, 2);
  for (const resource of [ring, object, ring, object]) {
    resource[Symbol.dispose]();
  }
  assertDisposed(
    () => object.control,
    () => object.rings,
    () => object.mapFd("ring_blocks"),
    () => object.programFd("vrft_test_record"),
    () => object.update("interfaces", new Uint8Array(8), new Uint8Array(1)),
  );
  const uses = [
    () => counters.read(),
    () => counters.readPackets(),
    () => reader.recordsPending,
    () => reader.drain({ record: () => assert.fail() }, Infinity),
    () => Atomics.store(control, 0, 1),
  ];
  for (const use of uses) assert.throws(use, TypeError, `${use}`);
  assert.equal(control.length, 0);
});

test("an object closes, too, when libbpf has been let go of before", async () => {
  const before = openDescriptors("anon_inode:");
  const libbpf = await Libbpf.open();
  const object = BpfObject.load(libbpf, builtObject(), TEST_PROGRAM, SMALL);
  libbpf[Symbol.dispose]();
  object[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
});
