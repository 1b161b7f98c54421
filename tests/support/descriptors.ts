/**
 * File descriptors as C has them.
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

/** Number of file descriptors that this process has open. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
