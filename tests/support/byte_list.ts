/**
 * A place for bytes that keeps them, and can be made to misbehave.
 *
 * @module
 */

import type { MessageSink } from "../../src/output/messages.ts";

/** Collects what is written. */
export class ByteList implements MessageSink {
  #bytes: number[] = [];
  /** Sizes of the writes that were taken. */
  readonly writes: number[] = [];
  /** Called before each write with its number from 0; what it throws, the write throws. */
  readonly #before: (write: number) => void;
  /** Bytes taken by one write at most. */
  readonly #most: number;
  #attempts = 0;
  /** What {@linkcode isReady} says. */
  ready = true;
  #held: PromiseWithResolvers<void> | null = null;

  constructor(options: { most?: number; before?: (write: number) => void } = {}) {
    this.#most = options.most ?? Infinity;
    this.#before = options.before ?? ((): void => {});
  }

  /** Takes nothing more until {@linkcode resume}, as a reader that has stopped reading does. */
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

  /** All that was written, as text. */
  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.#bytes));
  }
}
