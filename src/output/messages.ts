/**
 * Standard error, for messages: whatever it does, whoever writes to it goes on.
 *
 * @module
 */

import { isReadyForOutput } from "../sys/descriptors.ts";
import { type ByteSink, LineWriter } from "./line_writer.ts";

/** Takes messages for a person. */
export interface Messages {
  /** True while what has been written is still waiting to go out. */
  readonly busy: boolean;
  /** Writes `text` as it stands. It never fails and never waits. */
  write(text: string): void;
}

/** Where messages go in the end. */
export interface MessageSink extends ByteSink {
  /** Writes some of the bytes at once and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** Whether it takes a few bytes without waiting. */
  isReady(): boolean;
}

/**
 * Bytes written at once. A pipe that is ready takes 4096; a terminal may have room for fewer, and is
 * asked again after each piece.
 */
const PIECE_BYTES = 256;
/** Bytes of messages that are kept until they can be written: as much as a pipe holds. */
const KEPT_BYTES = 65536;
const STDERR = 2;

/**
 * Writes messages at once where that can be done, and else, in their order, as soon as it can. What
 * is too much to keep is dropped: there is nobody to tell.
 */
export class MessageStream implements Messages {
  readonly #sink: MessageSink;
  readonly #later: LineWriter;
  #kept = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
    this.#later = new LineWriter(sink, "standard error", KEPT_BYTES);
  }

  get busy(): boolean {
    return this.#later.pending;
  }

  write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const start = this.busy ? 0 : this.#writeNow(bytes);
    if (start === bytes.length) return;
    if (!this.busy) this.#kept = 0;
    this.#kept += bytes.length - start;
    if (this.#kept > KEPT_BYTES) return;
    try {
      this.#later.bytes(bytes.subarray(start));
      this.#later.flush();
    } catch {
      // There is nowhere left to say so.
    }
  }

  /** Writes as many of the bytes as the sink takes without waiting; returns how many are done with. */
  #writeNow(bytes: Uint8Array): number {
    let start = 0;
    try {
      while (start < bytes.length && this.#sink.isReady()) {
        start += this.#sink.writeSync(bytes.subarray(start, start + PIECE_BYTES));
      }
    } catch (error) {
      const notReady = error instanceof Deno.errors.WouldBlock ||
        error instanceof Deno.errors.Interrupted;
      // One that is broken is no reason to end.
      return notReady ? start : bytes.length;
    }
    return start;
  }

  /** Waits until everything is written, or until so many milliseconds are over. */
  async finish(milliseconds: number): Promise<void> {
    if (!this.busy) return;
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), milliseconds);
    try {
      await this.#later.finish(enough.signal);
    } catch {
      // There is nowhere left to say so.
    }
    clearTimeout(timer);
  }
}

/** This process' standard error. */
export const standardError = new MessageStream({
  write: (bytes) => Deno.stderr.write(bytes),
  writeSync: (bytes) => Deno.stderr.writeSync(bytes),
  isReady: () => isReadyForOutput(STDERR),
});
