/**
 * Reads the headers of a packet one after the other.
 *
 * @module
 */

import { viewOf } from "../sys/view.ts";

/**
 * A place in the bytes of a packet. All that is read is read through what {@linkcode Cursor.take} gives,
 * so nothing beyond the bytes at hand is.
 */
export class Cursor {
  #bytes: Uint8Array;
  #passed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are passed. */
  get passed(): number {
    return this.#passed;
  }

  /** The next `length` bytes, which are passed; `null`, and nothing is passed, if there are fewer. */
  take(length: number): DataView | null {
    const view = this.peek(length);
    if (view === null) return null;
    this.#bytes = this.#bytes.subarray(length);
    this.#passed += length;
    return view;
  }

  /** As {@linkcode take}, but nothing is passed. */
  peek(length: number): DataView | null {
    if (length > this.#bytes.length) return null;
    return viewOf(this.#bytes.subarray(0, length));
  }

  /** Forgets what is behind the next `length` bytes, such as the padding of a short frame. */
  limit(length: number): void {
    this.#bytes = this.#bytes.subarray(0, length);
  }
}
