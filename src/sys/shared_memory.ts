/**
 * Memory shared with the kernel through a file descriptor: mmap(2).
 *
 * @module
 */

import { disposedError } from "./disposed.ts";
import { lastErrno, libc, SystemError } from "./libc.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffffffffffffffffn;
/** Bytes of a page on x86-64. */
export const PAGE_BYTES = 4096;

/** What to map. */
export interface SharedMemoryOptions {
  /** Bytes from the start of the file; a multiple of the page size. */
  readonly offset?: number;
  readonly writable?: boolean;
  /** As code. */
  readonly executable?: boolean;
}

/**
 * A mapping, unmapped on dispose. Its views are detached then: they are empty, and access by a DataView
 * or Atomics throws a TypeError.
 */
export class SharedMemory implements Disposable {
  #pointer: Deno.PointerObject | null;
  readonly #bytes: number;
  readonly #what: string;
  readonly #views: ArrayBuffer[] = [];

  /**
   * @param what its name in messages: `the ring buffer`
   * @param bytes its length, rounded up to whole pages
   * @throws {SystemError} if the kernel refuses
   */
  constructor(what: string, fd: number, bytes: number, options: SharedMemoryOptions = {}) {
    this.#what = what;
    this.#bytes = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    const pointer = libc().mmap(
      null,
      BigInt(this.#bytes),
      PROT_READ | (options.writable ? PROT_WRITE : 0) | (options.executable ? PROT_EXEC : 0),
      MAP_SHARED,
      fd,
      BigInt(options.offset ?? 0),
    );
    if (pointer === null || Deno.UnsafePointer.value(pointer) === MAP_FAILED) {
      throw new SystemError(`Cannot map ${this.#bytes} bytes of ${what}`, lastErrno());
    }
    this.#pointer = pointer;
  }

  /**
   * A view of `length` bytes at `offset`, not a copy.
   *
   * @throws {ReferenceError} after dispose
   */
  view(offset: number, length: number): ArrayBuffer {
    if (this.#pointer === null) throw disposedError(`The mapping of ${this.#what}`);
    if (offset + length > this.#bytes) throw new RangeError("The view exceeds the mapping");
    const view = Deno.UnsafePointerView.getArrayBuffer(this.#pointer, length, offset);
    this.#views.push(view);
    return view;
  }

  [Symbol.dispose](): void {
    if (this.#pointer === null) return;
    // A remaining view would access whatever is mapped there next.
    for (const view of this.#views) if (!view.detached) view.transfer(0);
    libc().munmap(this.#pointer, BigInt(this.#bytes));
    this.#pointer = null;
  }
}
