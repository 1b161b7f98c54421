import assert from "node:assert/strict";
import { isReadyForOutput, takeBack } from "../../src/sys/descriptors.ts";
import { addressOf, check, cString, libc } from "../../src/sys/libc.ts";

const SYS_OPEN = 2n; // x86-64
const O_RDWR = 2n;
const O_APPEND = 0x400n;
const O_NONBLOCK = 0x800n;

/** An open file. */
class OpenFile implements Disposable {
  readonly fd: number;

  constructor(path: string, flags: bigint) {
    const name = cString(path);
    const fd = libc().syscall(SYS_OPEN, addressOf(name), flags, 0n, 0n, 0n, 0n);
    this.fd = check(`Cannot open ${path}`, fd);
  }

  /** Returns the number of bytes written; -1 on failure. */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    return Number(libc().write(this.fd, bytes, BigInt(bytes.length)));
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

Deno.test("isReadyForOutput() tells whether a pipe is full", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const path = `${directory}/fifo`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    using fifo = new OpenFile(path, O_RDWR | O_NONBLOCK);
    assert.equal(isReadyForOutput(fifo.fd), true);
    while (fifo.write(new Uint8Array(4096)) > 0);
    assert.equal(isReadyForOutput(fifo.fd), false);
    libc().read(fifo.fd, new Uint8Array(4096), 4096n);
    assert.equal(isReadyForOutput(fifo.fd), true);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

for (const [how, flags] of [["", 0n], [", opened for appending", O_APPEND]] as const) {
  Deno.test(`takeBack() shortens a file by what was written last${how}`, () => {
    const path = Deno.makeTempFileSync();
    try {
      using file = new OpenFile(path, O_RDWR | flags);
      file.write(new TextEncoder().encode("a row\nhalf a r"));
      takeBack(file.fd, 8);
      assert.equal(Deno.readTextFileSync(path), "a row\n");
      file.write(new TextEncoder().encode("more\n"));
      assert.equal(Deno.readTextFileSync(path), "a row\nmore\n");
      // Another process has written after it, which must be preserved.
      Deno.writeTextFileSync(path, "theirs\n", { append: true });
      takeBack(file.fd, 3);
      assert.equal(Deno.readTextFileSync(path), "a row\nmore\ntheirs\n");
    } finally {
      Deno.removeSync(path);
    }
  });
}
