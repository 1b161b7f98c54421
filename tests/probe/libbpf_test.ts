import assert from "node:assert/strict";
import { Libbpf, LibbpfError } from "../../src/probe/libbpf.ts";
import { Failure } from "../../src/sys/failure.ts";
import { cString } from "../../src/sys/libc.ts";

const missing = whyNoLibbpf();

function whyNoLibbpf(): string {
  try {
    using _libbpf = new Libbpf();
    return "";
  } catch (error) {
    if (error instanceof Failure) return ` (skipped: ${error.message})`;
    throw error;
  }
}

function test(name: string, fn: () => void): void {
  Deno.test({ name: name + missing, ignore: missing !== "", fn });
}

test("version() is one that has all symbols", () => {
  using libbpf = new Libbpf();
  assert.match(libbpf.version(), /^v[1-9]\d*\.\d+$/);
});

test("check() passes on what is no failure", () => {
  using libbpf = new Libbpf();
  assert.equal(libbpf.check("Cannot count", 0), 0);
  assert.equal(libbpf.check("Cannot count", 42), 42);
});

test("check() fails with the kernel's reason", () => {
  using libbpf = new Libbpf();
  assert.throws(() => libbpf.check("Cannot count", -1), (error) => {
    assert.ok(error instanceof LibbpfError && error instanceof Failure);
    assert.equal(error.message, "Cannot count: Operation not permitted");
    assert.deepEqual([error.errno, error.details], [1, ""]);
    return true;
  });
});

test("check() fails with libbpf's own reasons, which the kernel does not know", () => {
  using libbpf = new Libbpf();
  // LIBBPF_ERRNO__FORMAT
  assert.throws(() => libbpf.check("Cannot count", -4001), (error) => {
    assert.ok(error instanceof LibbpfError);
    assert.equal(error.message, "Cannot count: BPF object format invalid");
    assert.equal(error.errno, 4001);
    return true;
  });
});

test("checkPointer() fails with errno, and what libbpf said meanwhile", () => {
  using libbpf = new Libbpf();
  const garbage = cString("no ELF file".repeat(10));
  const open = (): unknown =>
    libbpf.checkPointer(
      "Cannot open it",
      libbpf.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null),
    );
  assert.throws(open, (error) => {
    assert.ok(error instanceof LibbpfError);
    assert.equal(error.message, "Cannot open it: BPF object format invalid");
    assert.match(error.details, /^libbpf: .*ELF.*\n$/);
    return true;
  });
  assert.equal(libbpf.takeMessages(), "");
});

test("takeMessages() gives what libbpf said, and forgets it", () => {
  using libbpf = new Libbpf();
  const garbage = cString("no ELF file".repeat(10));
  for (let count = 0; count < 2; count++) {
    libbpf.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null);
  }
  assert.match(libbpf.takeMessages(), /^(libbpf: .*\n){2}$/);
  assert.equal(libbpf.takeMessages(), "");
});

test("messages do not grow without end: the last ones are kept", () => {
  using libbpf = new Libbpf();
  const garbage = cString("no ELF file".repeat(10));
  for (let count = 0; count < 3000; count++) {
    libbpf.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null);
  }
  const messages = libbpf.takeMessages();
  assert.equal(messages.length, 64 * 1024);
  assert.match(messages, /libbpf: .*ELF.*\n$/);
});
