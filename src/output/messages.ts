/**
 * Messages on standard error, which never block or fail their writer.
 *
 * @module
 */

import { isReadyForOutput } from "../sys/descriptors.ts";
import { type ByteSink, LineWriter } from "./line_writer.ts";

/** Accepts messages for the user. */
export interface Messages {
  /** True while something remains to be written. */
  readonly busy: boolean;
  /** Writes `text` verbatim. Never throws and never blocks. */
  write(text: string): void;
}

/** The destination of messages. */
export interface MessageSink extends ByteSink {
  /** Writes some of the bytes synchronously and returns their number. */
  writeSync(bytes: Uint8Array): number;
  /** Whether a write of a few bytes would not block. */
  isReady(): boolean;
}

/**
 * Maximum size of a synchronous write. A pipe that polls writable accepts 4096 bytes; a terminal may
 * accept fewer, so it is polled before each write.
 */
const PIECE_BYTES = 256;
/** Maximum number of bytes queued: the capacity of a pipe. */
const KEPT_BYTES = 65536;
const STDERR = 2;

/**
 * Writes messages synchronously if that does not block; otherwise queues them in order. What does not
 * fit the queue is silently dropped.
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
      // There is nowhere left to report it.
    }
  }

  /** Writes as much as does not block; returns the number of bytes written or dropped. */
  #writeNow(bytes: Uint8Array): number {
    let start = 0;
    try {
      while (start < bytes.length && this.#sink.isReady()) {
        start += this.#sink.writeSync(bytes.subarray(start, start + PIECE_BYTES));
      }
    } catch (error) {
      const notReady = error instanceof Deno.errors.WouldBlock ||
        error instanceof Deno.errors.Interrupted;
      // A broken standard error is no reason to exit: drop the message.
      return notReady ? start : bytes.length;
    }
    return start;
  }

  /** Waits until everything is written, for `milliseconds` at most. */
  async finish(milliseconds: number): Promise<void> {
    if (!this.busy) return;
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), milliseconds);
    try {
      await this.#later.finish(enough.signal);
    } catch {
      // There is nowhere left to report it.
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
