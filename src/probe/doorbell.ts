/**
 * The BPF ring buffer by which a program wakes the reader: its fd becomes readable.
 *
 * @module
 */

import { PAGE_BYTES, SharedMemory } from "../sys/shared_memory.ts";

/** The mapped positions of that ring; its data is of no interest. */
export class Doorbell implements Disposable {
  /** To be polled, edge-triggered. */
  readonly fd: number;
  readonly #mappings = new DisposableStack();
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;

  /**
   * @param map fd of a BPF_MAP_TYPE_RINGBUF
   * @throws {SystemError} if the kernel refuses to map it
   */
  constructor(map: number) {
    using mappings = new DisposableStack();
    // The consumer's page is writable, the producer's page behind it is not.
    const what = "the wake-up ring";
    const consumer = mappings.use(new SharedMemory(what, map, PAGE_BYTES, { writable: true }));
    const producer = mappings.use(new SharedMemory(what, map, PAGE_BYTES, { offset: PAGE_BYTES }));
    this.fd = map;
    this.#consumer = new BigInt64Array(consumer.view(0, PAGE_BYTES), 0, 1);
    this.#producer = new BigInt64Array(producer.view(0, PAGE_BYTES), 0, 1);
    this.#mappings = mappings.move();
  }

  /**
   * Empties the ring, so that it always has room for the next wake-up.
   *
   * @throws {TypeError} after dispose
   */
  quiet(): void {
    Atomics.store(this.#consumer, 0, Atomics.load(this.#producer, 0));
  }

  [Symbol.dispose](): void {
    this.#mappings.dispose();
  }
}
