/**
 * A file system that is mounted nowhere: fsopen(2), fsconfig(2) and fsmount(2), Linux 5.2.
 *
 * @module
 */

import { addressOf, check, cString, libc } from "./libc.ts";

// The same on all architectures.
const SYS_FSOPEN = 430n;
const SYS_FSCONFIG = 431n;
const SYS_FSMOUNT = 432n;

/** `FSOPEN_CLOEXEC`, and `FSMOUNT_CLOEXEC`. */
const CLOEXEC = 1n;
const FSCONFIG_CMD_CREATE = 6n;

/** A new instance of a file system, which goes away with all that is in it when this is disposed. */
export class DetachedMount implements Disposable {
  readonly #fd: number;

  /**
   * @param type of the file system
   * @throws {SystemError} EPERM without CAP_SYS_ADMIN, ENODEV if the kernel does not have it
   */
  constructor(type: string) {
    const name = cString(type);
    const context = call(`Cannot open a file system of type ${type}`, SYS_FSOPEN, [
      addressOf(name),
      CLOEXEC,
    ]);
    try {
      const what = `Cannot mount a file system of type ${type}`;
      call(what, SYS_FSCONFIG, [BigInt(context), FSCONFIG_CMD_CREATE]);
      this.#fd = call(what, SYS_FSMOUNT, [BigInt(context), CLOEXEC]);
    } finally {
      libc().close(context);
    }
  }

  /** Path of a file in its root directory, for this process. */
  path(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

function call(action: string, number: bigint, [first, second]: [bigint, bigint]): number {
  return check(action, libc().syscall(number, first, second, 0n, 0n, 0n, 0n));
}
