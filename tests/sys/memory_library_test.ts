import assert from "node:assert/strict";
import { Failure } from "../../src/sys/failure.ts";
import { loadFromMemory } from "../../src/sys/memory_library.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { testUnless } from "../support/skip.ts";

const ROOT = new URL("../../", import.meta.url);

const ZLIB = { zlibVersion: { parameters: [], result: "pointer" } } as const;
const LIBELF = { elf_version: { parameters: ["u32"], result: "u32" } } as const;

/** One of the libraries that scripts/build fetches. */
function libraryBytes(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`build/lib/${name}`, ROOT));
}

/** Asserts that loading fails with that message, and leaves nothing open. */
function rejects(bytes: Uint8Array<ArrayBuffer>, message: string): void {
  assert.throws(() => loadFromMemory("libtest.so.1", bytes, ZLIB), (error) => {
    assert.ok(error instanceof Failure && error.cause instanceof Error);
    assert.equal(error.kind, "libraries");
    assert.equal(error.message, message);
    return true;
  });
  assert.equal(openDescriptors("/memfd:libtest"), 0);
}

Deno.test("loadFromMemory() gives the library's functions, and leaves no descriptor open", () => {
  const { zlibVersion } = loadFromMemory("libz.so.1", libraryBytes("libz.so.1"), ZLIB);
  assert.match(new Deno.UnsafePointerView(zlibVersion()!).getCString(), /^1\.\d+\.\d+/);
  assert.equal(openDescriptors("/memfd:libz"), 0);
});

Deno.test("loadFromMemory() is not mistaken in a library when a descriptor's number comes again", () => {
  // Each is closed before the next one is opened, and so gets its number.
  for (let count = 0; count < 3; count++) {
    loadFromMemory("libz.so.1", libraryBytes("libz.so.1"), ZLIB);
    const { elf_version } = loadFromMemory("libelf.so.1", libraryBytes("libelf.so.1"), LIBELF);
    // elf_version(EV_NONE) asks for the library's own: EV_CURRENT.
    assert.equal(elf_version(0), 1);
  }
});

Deno.test("loadFromMemory() rejects bytes that are no library", () => {
  const what = "Cannot load libtest.so.1 from memory";
  rejects(new Uint8Array(), `${what}: file too short`);
  rejects(new Uint8Array(4096), `${what}: invalid ELF header`);
});

Deno.test("loadFromMemory() rejects a library without the function that is wanted, by its name", () => {
  assert.throws(
    () => loadFromMemory("libz.so.1", libraryBytes("libz.so.1"), LIBELF),
    (error) => error instanceof Failure && /^Cannot load .* elf_version/.test(error.message),
  );
});

/** For a process of its own: what loading zlib ends with. */
const LOAD_ZLIB = `
  const { loadFromMemory } = await import(${
  JSON.stringify(import.meta.resolve("../../src/sys/memory_library.ts"))
});
  const bytes = Deno.readFileSync(Deno.args[0]);
  try {
    loadFromMemory("libz.so.1", bytes, {});
    console.log("loaded");
  } catch (error) {
    console.log(error.kind, error.message);
  }
`;

/** Runs shell commands where they change nothing outside: in mount and process namespaces of their own. */
function inNamespaces(commands: string): Deno.CommandOutput {
  const user = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
  return new Deno.Command("unshare", {
    args: [...user, "--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec", commands],
  }).outputSync();
}

/** What loading zlib ends with after shell commands have changed the system. */
function loadAfter(commands: string): string {
  const load = [Deno.execPath(), "eval", "--quiet", "--no-config", LOAD_ZLIB];
  const words = [...load, new URL("build/lib/libz.so.1", ROOT).pathname];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const { stdout, stderr } = inNamespaces(`${commands}\n${quoted}`);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** Defines a test that changes the system by shell commands, or skips it where they fail. */
function changedTest(name: string, commands: string, expected: string): void {
  const { success, stderr } = inNamespaces(commands);
  const reason = success ? "" : new TextDecoder().decode(stderr).trim();
  testUnless(reason, name, () => assert.equal(loadAfter(commands), `${expected}\n`));
}

changedTest(
  "loadFromMemory() works where files in memory are not executable unless that is asked for",
  "echo 1 >/proc/sys/vm/memfd_noexec",
  "loaded",
);

changedTest(
  "loadFromMemory() names the sysctl that forbids executable files in memory",
  "echo 2 >/proc/sys/vm/memfd_noexec",
  "libraries Cannot create a file in memory for libz.so.1: Permission denied: set the sysctl " +
    "vm.memfd_noexec to 0 or 1",
);

changedTest(
  "loadFromMemory() says that /proc is missing",
  "mount -t tmpfs none /proc",
  "libraries Cannot load libz.so.1 from memory: /proc is missing: mount -t proc proc /proc",
);
