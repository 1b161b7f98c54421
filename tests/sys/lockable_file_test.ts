import assert from "node:assert/strict";
import { SystemError } from "../../src/sys/libc.ts";
import { LockableFile } from "../../src/sys/lockable_file.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

/** A temporary file, deleted at the end of the `using` block. */
class TemporaryFile implements Disposable {
  readonly path = Deno.makeTempFileSync({ prefix: "vrft-lock-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}

Deno.test("A byte belongs to one open file at a time, the others are free", () => {
  using file = new TemporaryFile();
  using one = new LockableFile(file.path);
  using other = new LockableFile(file.path);
  assert.deepEqual([one.tryLock(3), other.tryLock(3), other.tryLock(2)], [true, false, true]);
  // The owner may lock it again.
  assert.equal(one.tryLock(3), true);
  one.unlock(3);
  assert.equal(other.tryLock(3), true);
});

Deno.test("A byte is free once the open file is closed, whatever else of the file is", () => {
  using file = new TemporaryFile();
  using other = new LockableFile(file.path);
  {
    using one = new LockableFile(file.path);
    one.tryLock(0);
    // This would release traditional POSIX locks.
    Deno.readTextFileSync(file.path);
    assert.equal(other.tryLock(0), false);
  }
  assert.equal(other.tryLock(0), true);
});

Deno.test("A shared byte is nobody's for himself", () => {
  using file = new TemporaryFile();
  using one = new LockableFile(file.path);
  using other = new LockableFile(file.path);
  const byte = 2 ** 40;
  one.share(byte);
  other.share(byte);
  assert.deepEqual([one.tryLock(byte), other.tryLock(byte)], [false, false]);
  one.unlock(byte);
  assert.equal(other.tryLock(byte), true);
});

Deno.test("The kernel drops the locks of a process that is killed", async () => {
  using file = new TemporaryFile();
  const module = import.meta.resolve("../../src/sys/lockable_file.ts");
  const script = `
    import { LockableFile } from "${module}";
    const file = new LockableFile("${file.path}");
    console.log(file.tryLock(7));
    setInterval(() => file.tryLock(7), 60_000);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `data:application/typescript,${encodeURIComponent(script)}`],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "true\n");
  using other = new LockableFile(file.path);
  assert.equal(other.tryLock(7), false);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  assert.equal(other.tryLock(7), true);
});

Deno.test("A file that has been disposed locks and writes nothing", () => {
  using file = new TemporaryFile();
  const one = new LockableFile(file.path);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  assertDisposed(
    () => one.tryLock(0),
    () => one.share(0),
    () => one.unlock(0),
    () => one.write(new Uint8Array(1)),
  );
});

Deno.test("Writing appends, and refusals carry their errno", () => {
  using file = new TemporaryFile();
  Deno.writeTextFileSync(file.path, "there\n");
  const before = openDescriptors(file.path);
  {
    using one = new LockableFile(file.path);
    one.write(new TextEncoder().encode("more\n"));
  }
  assert.equal(Deno.readTextFileSync(file.path), "there\nmore\n");
  assert.equal(openDescriptors(file.path), before);
  const errno = (number: number) => (error: unknown) =>
    error instanceof SystemError && error.errno === number;
  assert.throws(() => new LockableFile("/proc/self/none"), errno(2));
  using full = new LockableFile("/dev/full");
  assert.throws(() => full.write(new Uint8Array(1)), errno(28));
});
