/**
 * Files with locks on ranges of their bytes: open file description locks (fcntl(2), Linux 3.15).
 *
 * The kernel releases such a lock when the last descriptor of the open file is closed, also if the process
 * dies. Locks belong to the inode, so they are the same through other mounts and namespaces.
 *
 * @module
 */

import { disposedError } from "./disposed.ts";
import { addressOf, check, cString, lastErrno, libc, SystemError } from "./libc.ts";
import { viewOf } from "./view.ts";

const O_RDWR = 0o2;
const O_APPEND = 0o2000;
const O_CLOEXEC = 0o2000000;

const F_OFD_SETLK = 37;
const F_OFD_SETLKW = 38;

const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/** sizeof(struct flock) on 64-bit machines. */
const FLOCK_BYTES = 32;
const FLOCK_START = 8;
const FLOCK_LENGTH = 16;

const EINTR = 4;
const EAGAIN = 11;
const EACCES = 13;

/**
 * A file open for appending, whose bytes, existing or not, can be locked individually. All methods throw
 * a ReferenceError after dispose.
 */
export class LockableFile implements Disposable {
  readonly #path: string;
  #fd: number;

  /** @throws {SystemError} if it cannot be opened for reading and writing */
  constructor(path: string) {
    this.#path = path;
    this.#fd = check(
      `Cannot open ${path}`,
      libc().open(cString(path), O_RDWR | O_APPEND | O_CLOEXEC, 0),
    );
  }

  /**
   * Locks a byte exclusively.
   *
   * @returns false if another open file has it locked
   * @throws {SystemError} if the file system does not support locks
   */
  tryLock(byte: number): boolean {
    const result = this.#setLock(F_OFD_SETLK, F_WRLCK, byte);
    if (result >= 0) return true;
    const errno = lastErrno();
    if (errno === EAGAIN || errno === EACCES) return false;
    throw new SystemError(`Cannot lock ${this.#path}`, errno);
  }

  /**
   * Takes a shared lock on a byte, waiting while another open file has it locked exclusively.
   *
   * @throws {SystemError} if the file system does not support locks
   */
  share(byte: number): void {
    for (;;) {
      const result = this.#setLock(F_OFD_SETLKW, F_RDLCK, byte);
      if (result >= 0) return;
      const errno = lastErrno();
      if (errno !== EINTR) throw new SystemError(`Cannot lock ${this.#path}`, errno);
    }
  }

  /** Unlocks a byte. */
  unlock(byte: number): void {
    check(`Cannot unlock ${this.#path}`, this.#setLock(F_OFD_SETLK, F_UNLCK, byte));
  }

  #setLock(command: number, type: number, byte: number): number {
    const lock = new Uint8Array(FLOCK_BYTES);
    const view = viewOf(lock);
    view.setInt16(0, type, true);
    view.setBigInt64(FLOCK_START, BigInt(byte), true);
    view.setBigInt64(FLOCK_LENGTH, 1n, true);
    return libc().fcntl(this.#open, command, addressOf(lock));
  }

  get #open(): number {
    if (this.#fd < 0) throw disposedError("The file");
    return this.#fd;
  }

  /** Appends `bytes` in one write. @throws {SystemError} if the file system or a driver refuses */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    const result = libc().write(this.#open, bytes, BigInt(bytes.length));
    check(`Cannot write ${this.#path}`, result);
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    libc().close(this.#fd);
    this.#fd = -1;
  }
}
