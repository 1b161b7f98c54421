import assert from "node:assert/strict";
import { SystemError } from "../../src/sys/libc.ts";
import { PAGE_BYTES, SharedMemory } from "../../src/sys/shared_memory.ts";
import { MemoryFile } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

/** Two pages, filled with 1 and with 2. */
function twoPages(): MemoryFile {
  const bytes = new Uint8Array(2 * PAGE_BYTES).fill(1);
  return new MemoryFile(bytes.fill(2, PAGE_BYTES));
}

/** Lines of /proc/self/maps for the test's file. */
function mappings(): number {
  const maps = Deno.readTextFileSync("/proc/self/maps");
  return maps.split("\n").filter((line) => line.includes("vrft-test")).length;
}

Deno.test("SharedMemory shows a file from its start", () => {
  using file = twoPages();
  using memory = new SharedMemory("the test's file", file.fd, 2 * PAGE_BYTES);
  const bytes = new Uint8Array(memory.view(0, 2 * PAGE_BYTES));
  assert.deepEqual([bytes[0], bytes[PAGE_BYTES - 1], bytes[PAGE_BYTES]], [1, 1, 2]);
});

Deno.test("SharedMemory shows a file from an offset", () => {
  using file = twoPages();
  using memory = new SharedMemory("the test's file", file.fd, PAGE_BYTES, { offset: PAGE_BYTES });
  assert.equal(new Uint8Array(memory.view(0, 1))[0], 2);
});

Deno.test("view() starts at its offset and has its length", () => {
  using file = twoPages();
  using memory = new SharedMemory("the test's file", file.fd, 2 * PAGE_BYTES);
  assert.deepEqual([...new Uint8Array(memory.view(PAGE_BYTES - 1, 3))], [1, 2, 2]);
});

Deno.test("view() is no copy: what is written shows in every mapping", () => {
  using file = twoPages();
  using writer = new SharedMemory("the test's file", file.fd, 8, { writable: true });
  using reader = new SharedMemory("the test's file", file.fd, 8);
  const seen = new Uint8Array(reader.view(0, 8));
  new Uint8Array(writer.view(0, 8))[3] = 77;
  assert.deepEqual([...seen], [1, 1, 1, 77, 1, 1, 1, 1]);
});

Deno.test("view() may reach to the end of the last page, and not beyond", () => {
  using file = twoPages();
  using memory = new SharedMemory("the test's file", file.fd, 8);
  assert.equal(memory.view(PAGE_BYTES - 8, 8).byteLength, 8);
  assert.throws(() => memory.view(PAGE_BYTES - 8, 9), RangeError);
  assert.throws(() => memory.view(0, PAGE_BYTES + 1), RangeError);
});

Deno.test("SharedMemory is gone after dispose", () => {
  using file = twoPages();
  {
    using _memory = new SharedMemory("the test's file", file.fd, 2 * PAGE_BYTES);
    assert.equal(mappings(), 1);
  }
  assert.equal(mappings(), 0);
});

Deno.test("SharedMemory fails with what was to be mapped, and how much of it", () => {
  assert.throws(
    () => new SharedMemory("the test's file", -1, 5000),
    (error) => {
      assert.ok(error instanceof SystemError);
      assert.equal(error.message, "Cannot map 8192 bytes of the test's file: Bad file descriptor");
      return true;
    },
  );
});

Deno.test("SharedMemory takes its views along on dispose, and gives no new one", () => {
  using file = twoPages();
  const memory = new SharedMemory("the test's file", file.fd, 8, { writable: true });
  const view = memory.view(0, 8);
  const words = new Int32Array(view);
  const data = new DataView(memory.view(0, 8));
  memory[Symbol.dispose]();
  assert.equal(view.byteLength, 0);
  assert.equal(words[0], undefined);
  words[0] = 1;
  assert.throws(() => Atomics.load(words, 0), TypeError);
  assert.throws(() => data.getUint32(0), TypeError);
  assertDisposed(() => memory.view(0, 8));
});

Deno.test("SharedMemory unmaps once, not what is mapped in its place later", () => {
  using file = twoPages();
  const memory = new SharedMemory("the test's file", file.fd, 2 * PAGE_BYTES);
  memory[Symbol.dispose]();
  // The first of them gets the same address.
  using next = new DisposableStack();
  for (let count = 0; count < 4; count++) {
    next.use(new SharedMemory("the test's file", file.fd, 2 * PAGE_BYTES));
  }
  const before = mappings();
  assert.ok(before > 0);
  memory[Symbol.dispose]();
  assert.equal(mappings(), before);
});
