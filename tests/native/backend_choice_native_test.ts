import assert from "node:assert/strict";
import { BACKENDS, chooseBackend } from "../../src/probe/backend_choice.ts";
import type { BackendName } from "../../src/probe/backend.ts";
import type { Target } from "../../src/probe/target.ts";
import { session } from "../../src/probe/backends/session.ts";
import { BPF_TRACE_KPROBE_MULTI, createMultiLink } from "../../src/probe/bpf_syscall.ts";
import { Libbpf } from "../../src/probe/libbpf.ts";
import { RECORD_FUNCTIONS } from "../../src/probe/record.ts";
import { Failure } from "../../src/sys/failure.ts";
import { SystemError } from "../../src/sys/libc.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { builtObject } from "../support/built_object.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { kernelWithSession } from "../support/kernels.ts";
import { SMALL, TestRing } from "../support/loaded_object.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

/** No kernel has a function there, so none can attach to it. */
const NOWHERE: Target = {
  name: "nowhere",
  module: "vmlinux",
  struct: "sk_buff",
  position: 1,
  argument: 1,
  indirection: 1,
  address: 1n,
};

/** A kernel that has what the newest objects need, whatever this one has. */
const NEWEST = kernelWithSession(1, "rethook", true);

/** What choosing fails with, and what was said meanwhile. */
async function choose(
  choice: BackendName | "auto",
  functions = 100,
): Promise<[Failure, string[]]> {
  using libbpf = await Libbpf.open();
  const said: string[] = [];
  const user = {
    cancelled: () => false,
    info: (message: string): void => assert.fail(message),
    debug: (message: string): void => void said.push(message),
  };
  try {
    const { object } = await chooseBackend(
      libbpf,
      { readObject: (name) => Promise.resolve(builtObject(name)), kernel: NEWEST },
      SMALL,
      new Array<Target>(functions).fill(NOWHERE),
      choice,
      user,
    );
    object[Symbol.dispose]();
  } catch (error) {
    if (error instanceof Failure) return [error, said];
    throw error;
  }
  assert.fail("A backend has attached to nowhere");
}

test("chooseBackend() fails with each backend's reason when none works", async () => {
  const before = openDescriptors("anon_inode:");
  const [failure, said] = await choose("auto");
  assert.match(
    failure.message,
    /^Cannot trace with any backend on this kernel: trampoline: \S.*; session: \S.*; multi: \S.*; kprobe: \S/,
  );
  assert.equal(failure.kind, "backend");
  assert.ok(failure.cause instanceof AggregateError);
  assert.equal(failure.cause.errors.length, BACKENDS.length);
  for (const { name, title } of BACKENDS) {
    const line = said.find((text) =>
      text.startsWith(`Backend ${name}: ${title} does not work here: `)
    );
    assert.ok(line !== undefined, name);
  }
  assert.equal(openDescriptors("anon_inode:"), before);
});

test("chooseBackend() tries the backend asked for, and no other", async () => {
  for (const { name } of BACKENDS) {
    const [failure, said] = await choose(name);
    const start = `Cannot trace with the backend "${name}" on this kernel: Cannot `;
    assert.ok(failure.message.startsWith(start), failure.message);
    assert.ok(
      said.every((text) => !text.startsWith("Backend ") || text.startsWith(`Backend ${name}:`)),
    );
  }
});

test("chooseBackend() passes over a backend that cannot take as many functions", async () => {
  const [failure] = await choose("auto", session.maxFunctions + 1);
  const reason = "session: 16,385 functions are too many for it, it takes 16,384; multi: Cannot ";
  assert.ok(failure.message.includes(reason), failure.message);
});

test("no backend takes more functions than records can name", async () => {
  const [failure] = await choose("auto", RECORD_FUNCTIONS + 1);
  const reason = "32,768 functions are too many for it, it takes ";
  assert.equal(failure.message.split(reason).length, 1 + BACKENDS.length, failure.message);
});

test("createMultiLink() says how many functions could not be probed", async () => {
  using ring = await TestRing.open(4096);
  const program = ring.object.programFd("vrft_test_record");
  const before = openDescriptors("anon_inode:");
  const targets = { addresses: new BigUint64Array(3).fill(1n), cookies: new BigUint64Array(3) };
  assert.throws(
    () => createMultiLink(program, BPF_TRACE_KPROBE_MULTI, 0, targets),
    (error) =>
      error instanceof SystemError && /^Cannot attach to 3 functions: [A-Z]/.test(error.message),
  );
  assert.equal(openDescriptors("anon_inode:"), before);
});
