/**
 * Maps a BPF ring buffer into this process.
 *
 * @module
 */

import { PAGE_BYTES, SharedMemory } from "../sys/shared_memory.ts";
import type { RingMemory } from "./ring.ts";

/** The mappings of a ring; unmapped on dispose, which detaches the views. */
export class RingMapping implements Disposable {
  readonly memory: RingMemory;
  readonly #mappings = new DisposableStack();

  /**
   * @param map fd of a BPF_MAP_TYPE_RINGBUF
   * @param bytes its size (max_entries), a power of two
   * @throws {SystemError} if the kernel refuses
   */
  constructor(map: number, bytes: number) {
    // The consumer's page is writable; after it come the producer's page and the data, twice.
    using mappings = new DisposableStack();
    const consumer = mappings.use(
      new SharedMemory("the ring buffer", map, PAGE_BYTES, { writable: true }),
    );
    const produced = mappings.use(
      new SharedMemory("the ring buffer", map, PAGE_BYTES + 2 * bytes, { offset: PAGE_BYTES }),
    );
    this.memory = {
      consumer: consumer.view(0, PAGE_BYTES),
      producer: produced.view(0, PAGE_BYTES),
      data: produced.view(PAGE_BYTES, 2 * bytes),
    };
    this.#mappings = mappings.move();
  }

  [Symbol.dispose](): void {
    this.#mappings.dispose();
  }
}
