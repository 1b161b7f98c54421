/**
 * Reads the records of a BPF ring buffer from memory views: no FFI, no copy, no allocation.
 *
 * Format: kernel/bpf/ringbuf.c (Linux 5.8). A record starts with 8 bytes: length in bits 0-29 of the
 * first word, bit 30 if it is discarded, bit 31 while it is being written. Records are
 * 8-byte aligned; positions count bytes since the ring was made and never wrap in practice. The data
 * is mapped twice in a row, so a record that crosses the end is still in one piece.
 *
 * Whatever the memory contains, and however it changes meanwhile: a drain takes at most one step per 8
 * bytes written when it started, reads each header once, and passes on only records inside the data.
 *
 * @module
 */

import { EVENT_BYTES, type RecordSink } from "./record.ts";
import { Failure } from "../sys/failure.ts";

const BUSY = 0x80000000;
const DISCARD = 0x40000000;
const LENGTH = 0x3fffffff;
const HEADER_BYTES = 8;

/** Bytes read before their space is released to the kernel. */
const RELEASE_BYTES = 256 * 1024;

/** The memory of a ring: three views shared with the kernel. */
export interface RingMemory {
  /** Page with the consumer position, a u64 at 0, written here. */
  readonly consumer: ArrayBuffer;
  /** Page with the producer position, a u64 at 0, written by the kernel. */
  readonly producer: ArrayBuffer;
  /** The data, twice in a row. */
  readonly data: ArrayBuffer;
}

/** The reading end of a ring. One reader per ring. */
export class RingReader {
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #words: Uint32Array;
  /** The same words for Atomics, to order the reads of a record after that of its header. */
  readonly #headers: Int32Array;
  readonly #size: number;
  #position: number;

  /**
   * @param memory views whose data holds a power of two of bytes, twice
   */
  constructor(memory: RingMemory) {
    this.#consumer = new BigInt64Array(memory.consumer, 0, 1);
    this.#producer = new BigInt64Array(memory.producer, 0, 1);
    this.#words = new Uint32Array(memory.data);
    this.#headers = new Int32Array(memory.data);
    this.#size = memory.data.byteLength / 2;
    if (this.#size < 4096 || (this.#size & (this.#size - 1)) !== 0) {
      throw new RangeError(`A ring of ${this.#size} bytes is not a power of two of pages`);
    }
    this.#position = Number(this.#consumer[0]);
  }

  /** Bytes written and not read yet, including records still being written. */
  get pending(): number {
    return Number(Atomics.load(this.#producer, 0)) - this.#position;
  }

  /** Maximum number of records in the {@linkcode pending} bytes. */
  get recordsPending(): number {
    return Math.floor(this.pending / (HEADER_BYTES + EVENT_BYTES));
  }

  /**
   * Passes complete records to `sink`, in the order they were reserved.
   *
   * @param sink receives each record; what it throws ends the reading, with the record counted as read
   * @param limitBytes stop after about so many bytes of the ring
   * @returns bytes read; 0 if the ring is empty or its next record is still being written
   * @throws {Failure} if the ring's positions or contents are invalid
   */
  drain(sink: RecordSink, limitBytes: number): number {
    const headers = this.#headers;
    const words = this.#words;
    const mask = this.#size - 1;
    const start = this.#position;
    const pending = this.pending;
    if (pending < 0 || pending > this.#size) {
      const positions = `written up to ${start + pending}, read up to ${start}`;
      throw new Failure("ring", `The ring buffer is corrupt: ${positions}`);
    }
    const available = Math.min(pending, limitBytes);
    let read = 0;
    let released = 0;
    try {
      while (read < available) {
        const at = ((start + read) & mask) >>> 2;
        const header = Atomics.load(headers, at);
        if ((header & BUSY) !== 0) break;
        const length = header & LENGTH;
        const taken = (length + HEADER_BYTES + 7) & ~7;
        if (taken > pending - read) {
          throw new Failure("ring", `The ring buffer is corrupt: a record of ${length} bytes`);
        }
        read += taken;
        if ((header & DISCARD) === 0 && length >= EVENT_BYTES) sink.record(words, at + 2, length);
        if (read - released >= RELEASE_BYTES) {
          released = read;
          this.#release(start + read);
        }
      }
    } finally {
      this.#release(start + read);
    }
    return read;
  }

  #release(position: number): void {
    this.#position = position;
    Atomics.store(this.#consumer, 0, BigInt(position));
  }
}
