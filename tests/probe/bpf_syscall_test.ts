import assert from "node:assert/strict";
import { FileDescriptor } from "../../src/probe/bpf_syscall.ts";
import { check, libc } from "../../src/sys/libc.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { assertDisposed } from "../support/disposal.ts";

function event(): FileDescriptor {
  return new FileDescriptor(check("Cannot create an eventfd", libc().eventfd(0, 0)));
}

Deno.test("FileDescriptor closes its number once, and does not tell it any more", () => {
  const before = openDescriptors("anon_inode:");
  const descriptor = event();
  const { number } = descriptor;
  descriptor[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before);
  assertDisposed(() => descriptor.number);
  using next = event();
  assert.equal(next.number, number);
  descriptor[Symbol.dispose]();
  assert.equal(openDescriptors("anon_inode:"), before + 1);
});
