import assert from "node:assert/strict";
import { Libbpf, LibbpfError } from "../../src/probe/libbpf.ts";
import { Failure } from "../../src/sys/failure.ts";
import { cString } from "../../src/sys/libc.ts";
import { builtInfo } from "../support/built_object.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

/** For a process of its own: opens libbpf, and prints what is mapped then. */
const SHOW_MAPPED = `
  const { Libbpf } = await import(${
  JSON.stringify(import.meta.resolve("../../src/probe/libbpf.ts"))
});
  using libbpf = await Libbpf.open();
  console.log(Deno.readTextFileSync("/proc/self/maps"));
`;

/** Mappings of libbpf in this process. */
function mappingsOfLibbpf(): number {
  return Deno.readTextFileSync("/proc/self/maps").split("libbpf.so.1").length - 1;
}

Deno.test("open() takes libbpf and what it needs from memory, and nothing from the system", async () => {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--config", config, SHOW_MAPPED],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const paths = new TextDecoder().decode(stdout).matchAll(/ (\/.*lib(?:bpf|elf|z)\b.*)$/gm);
  assert.deepEqual([...new Set(Array.from(paths, ([, path]) => path))].sort(), [
    "/memfd:libbpf.so.1 (deleted)",
    "/memfd:libelf.so.1 (deleted)",
    "/memfd:libz.so.1 (deleted)",
  ]);
});

Deno.test("open() leaves no file in memory open", async () => {
  using _libbpf = await Libbpf.open();
  assert.equal(openDescriptors("/memfd:lib"), 0);
});

Deno.test("open() loads libbpf once", async () => {
  (await Libbpf.open())[Symbol.dispose]();
  const before = mappingsOfLibbpf();
  assert.ok(before > 0);
  using _libbpf = await Libbpf.open();
  assert.equal(mappingsOfLibbpf(), before);
});

Deno.test("version() is that of the build, and libbpf says the same", async () => {
  using libbpf = await Libbpf.open();
  const [, built, said] = /^(\d+\.\d+\.\d+) \(v(\d+\.\d+)\)$/.exec(libbpf.version()) ?? [];
  assert.equal(built, builtInfo().libraries.libbpf);
  assert.ok(built.startsWith(`${said}.`), libbpf.version());
});

Deno.test("check() passes on what is no failure", async () => {
  using libbpf = await Libbpf.open();
  assert.equal(libbpf.check("Cannot count", 0), 0);
  assert.equal(libbpf.check("Cannot count", 42), 42);
});

Deno.test("check() fails with the kernel's reason", async () => {
  using libbpf = await Libbpf.open();
  assert.throws(() => libbpf.check("Cannot count", -1), (error) => {
    assert.ok(error instanceof LibbpfError && error instanceof Failure);
    assert.equal(error.message, "Cannot count: Operation not permitted");
    assert.deepEqual([error.kind, error.errno, error.details], ["libbpf", 1, ""]);
    return true;
  });
});

Deno.test("check() fails with libbpf's own reasons, which the kernel does not know", async () => {
  using libbpf = await Libbpf.open();
  // LIBBPF_ERRNO__FORMAT
  assert.throws(() => libbpf.check("Cannot count", -4001), (error) => {
    assert.ok(error instanceof LibbpfError);
    assert.equal(error.message, "Cannot count: BPF object format invalid");
    assert.equal(error.errno, 4001);
    return true;
  });
});

/** Has libbpf's print function called with a text, as libbpf calls it. */
function saySo({ c }: Libbpf, text: string): void {
  const pointer = c.libbpf_set_print(null)!;
  c.libbpf_set_print(pointer);
  const type = { parameters: ["i32", "buffer", "buffer"], result: "i32" } as const;
  const print = new Deno.UnsafeFnPointer(pointer as Deno.PointerObject<typeof type>, type);
  // A warning; va_list takes 24 bytes, and nothing reads it.
  print.call(0, cString(text), new Uint8Array(24));
}

Deno.test("check() knows by libbpf's words that it may not list the BTF of the kernel", async () => {
  // Nothing else tells this EPERM from others. What prints it is 1.1, on a kernel that refuses.
  for (const [code, kind] of [["-1", "btf_list"], ["-12", "libbpf"]] as const) {
    using libbpf = await Libbpf.open();
    const printed = `libbpf: failed to iterate BTF objects: ${code}\n`;
    saySo(libbpf, printed);
    assert.throws(() => libbpf.check("Cannot load it", -1), (error) => {
      assert.ok(error instanceof LibbpfError);
      assert.deepEqual([error.kind, error.errno, error.details], [kind, 1, printed]);
      return true;
    });
  }
});

Deno.test("checkPointer() fails with errno, and what libbpf said meanwhile", async () => {
  using libbpf = await Libbpf.open();
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

Deno.test("takeMessages() gives what libbpf said, and forgets it", async () => {
  using libbpf = await Libbpf.open();
  const garbage = cString("no ELF file".repeat(10));
  for (let count = 0; count < 2; count++) {
    libbpf.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null);
  }
  assert.match(libbpf.takeMessages(), /^(libbpf: .*\n){2}$/);
  assert.equal(libbpf.takeMessages(), "");
});

Deno.test("messages do not grow without end: the last ones are kept", async () => {
  using libbpf = await Libbpf.open();
  const garbage = cString("no ELF file".repeat(10));
  for (let count = 0; count < 3000; count++) {
    libbpf.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null);
  }
  const messages = libbpf.takeMessages();
  assert.equal(messages.length, 64 * 1024);
  assert.match(messages, /libbpf: .*ELF.*\n$/);
});

Deno.test("libbpf is let go of once, and does nothing after that", async () => {
  const libbpf = await Libbpf.open();
  libbpf[Symbol.dispose]();
  libbpf[Symbol.dispose]();
  assertDisposed(() => libbpf.c, () => libbpf.version());
});

Deno.test("letting go of libbpf twice leaves the messages to the next who has opened it", async () => {
  const first = await Libbpf.open();
  first[Symbol.dispose]();
  using next = await Libbpf.open();
  first[Symbol.dispose]();
  const garbage = cString("no ELF file".repeat(10));
  next.c.bpf_object__open_mem(garbage, BigInt(garbage.length), null);
  assert.match(next.takeMessages(), /^libbpf: /);
});
