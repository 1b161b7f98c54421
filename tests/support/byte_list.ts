/**
 * A sink that stores bytes, and can be made to fail or stall.
 *
 * @module
 */

import type { MessageSink } from "../../src/output/messages.ts";

/** Collects what is written. */
export class ByteList implements MessageSink {
  #bytes: number[] = [];
  /** Sizes of the successful writes. */
  readonly writes: number[] = [];
  /** Called before each write with its number, from 0; if it throws, so does the write. */
  readonly #before: (write: number) => void;
  /** Maximum number of bytes per write. */
  readonly #most: number;
  #attempts = 0;
  /** Result of {@linkcode isReady}. */
  ready = true;
  #held: PromiseWithResolvers<void> | null = null;

  constructor(options: { most?: number; before?: (write: number) => void } = {}) {
    this.#most = options.most ?? Infinity;
    this.#before = options.before ?? ((): void => {});
  }

  /** Blocks writes until {@linkcode resume}, like a reader that has stopped reading. */
  stall(): void {
    this.#held ??= Promise.withResolvers();
  }

  resume(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  isReady(): boolean {
    return this.ready;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#held?.promise;
    return this.writeSync(bytes);
  }

  writeSync(bytes: Uint8Array): number {
    this.#before(this.#attempts++);
    const taken = bytes.subarray(0, this.#most);
    for (const byte of taken) this.#bytes.push(byte);
    this.writes.push(taken.length);
    return taken.length;
  }

  /** Everything written, as text. */
  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.#bytes));
  }
}
