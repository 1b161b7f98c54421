/**
 * File descriptors by number.
 *
 * @module
 */

import { addressOf, check, cString, libc } from "../../src/sys/libc.ts";

const SYS_MEMFD_CREATE = 319n; // x86-64

/** A file in memory with these contents; closed on dispose. */
export class MemoryFile implements Disposable {
  readonly fd: number;

  constructor(contents: Uint8Array<ArrayBuffer>) {
    const name = cString("vrft-test");
    const result = libc().syscall(SYS_MEMFD_CREATE, addressOf(name), 0n, 0n, 0n, 0n, 0n);
    this.fd = check("Cannot create a file in memory", result);
    check("Cannot fill it", libc().write(this.fd, contents, BigInt(contents.length)));
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

/**
 * Number of open file descriptors of a kind. Deno opens other files at any time.
 *
 * @param kind prefix of the link in /proc/self/fd: a path, or `anon_inode:` for those without one
 */
export function openDescriptors(kind: string): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(kind)) count++;
    } catch {
      // The descriptor of the directory itself, already closed.
    }
  }
  return count;
}

const SYS_DUP = 32n; // x86-64
const SYS_DUP2 = 33n; // x86-64
const STDERR = 2;

/** Captures what `run` and the C libraries it calls write to stderr. */
export function stderrOf(run: () => void): string {
  using file = new MemoryFile(new Uint8Array());
  const saved = check("Cannot keep stderr", duplicate(SYS_DUP, STDERR, 0));
  check("Cannot change stderr", duplicate(SYS_DUP2, file.fd, STDERR));
  try {
    run();
  } finally {
    check("Cannot get stderr back", duplicate(SYS_DUP2, saved, STDERR));
    libc().close(saved);
  }
  return Deno.readTextFileSync(`/proc/self/fd/${file.fd}`);
}

function duplicate(call: bigint, from: number, to: number): bigint {
  return libc().syscall(call, BigInt(from), BigInt(to), 0n, 0n, 0n, 0n);
}
