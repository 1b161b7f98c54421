/**
 * Maps a BPF ring buffer into this process.
 *
 * @module
 */

import { lastErrno, libc, SystemError } from "../sys/libc.ts";
import type { RingMemory } from "./ring.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const PAGE_BYTES = 4096;

/** The mappings of a ring; unmapped on dispose, after which its views must not be touched. */
export class RingMapping implements Disposable {
  readonly memory: RingMemory;
  readonly #mappings: { pointer: Deno.PointerValue; bytes: number }[] = [];

  /**
   * @param map fd of a BPF_MAP_TYPE_RINGBUF
   * @param bytes its size (max_entries), a power of two
   * @throws {SystemError} when the kernel refuses
   */
  constructor(map: number, bytes: number) {
    try {
      const consumer = this.#map(map, PAGE_BYTES, PROT_READ | PROT_WRITE, 0);
      const producer = this.#map(map, PAGE_BYTES + 2 * bytes, PROT_READ, PAGE_BYTES);
      this.memory = {
        consumer: Deno.UnsafePointerView.getArrayBuffer(consumer, PAGE_BYTES),
        producer: Deno.UnsafePointerView.getArrayBuffer(producer, PAGE_BYTES),
        data: Deno.UnsafePointerView.getArrayBuffer(producer, 2 * bytes, PAGE_BYTES),
      };
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #map(fd: number, bytes: number, protection: number, offset: number): Deno.PointerObject {
    const pointer = libc().mmap(null, BigInt(bytes), protection, MAP_SHARED, fd, BigInt(offset));
    if (pointer === null || Deno.UnsafePointer.value(pointer) === 0xffffffffffffffffn) {
      throw new SystemError(`Cannot map ${bytes} bytes of the ring buffer`, lastErrno());
    }
    this.#mappings.push({ pointer, bytes });
    return pointer;
  }

  [Symbol.dispose](): void {
    for (const { pointer, bytes } of this.#mappings.splice(0)) {
      libc().munmap(pointer, BigInt(bytes));
    }
  }
}
