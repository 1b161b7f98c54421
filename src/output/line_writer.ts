/**
 * Bytes of output, gathered in a buffer that rows are written straight into.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";

/** Where bytes go: `Deno.stdout`, `Deno.stderr`, a `Deno.FsFile`. */
export interface ByteSink {
  /** Writes some of the bytes, at least one, and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Whoever was reading the output has closed it, as `head` does: end, and say nothing. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** As much as a pipe holds. */
const BUFFER_BYTES = 65536;

const NEWLINE = 0x0a;

/** Pauses while a descriptor opened for non-blocking output is not ready, in milliseconds. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * A buffer in front of a {@linkcode ByteSink}.
 *
 * @example
 * ```ts
 * const at = writer.room(4);
 * writer.view.setUint32(at, 0x0a216968, true); // "hi!\n"
 * writer.end(at + 4);
 * ```
 */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #target: string;
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  #added = 0;
  #written = 0;
  #broken = false;

  /**
   * @param sink where the bytes go
   * @param target what error messages call it: `standard output`, or the name of the file
   * @param capacity bytes gathered before they are written
   */
  constructor(sink: ByteSink, target: string, capacity: number = BUFFER_BYTES) {
    this.#sink = sink;
    this.#target = target;
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The buffer. Read this after {@linkcode room}, which may replace it. */
  get view(): DataView {
    return this.#view;
  }

  /**
   * Makes room in the buffer, by writing out what it holds if need be.
   *
   * @param bytes that may be written from there on, any number
   * @returns index in {@linkcode view} of the first of them
   * @throws as {@linkcode flush}
   */
  room(bytes: number): number {
    if (this.#length + bytes > this.#bytes.length) {
      this.flush();
      if (bytes > this.#bytes.length) {
        this.#bytes = new Uint8Array(bytes);
        this.#view = new DataView(this.#bytes.buffer);
      }
    }
    return this.#length;
  }

  /** Takes the line that was written into the {@linkcode room}, up to the index `end`. */
  end(end: number): void {
    this.#length = end;
    this.#added++;
  }

  /** Lines that have been written out, from their first byte to their last. */
  get written(): number {
    return this.#written;
  }

  /**
   * Adds text as it is, in UTF-8.
   *
   * @throws as {@linkcode flush}
   */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const at = this.room(bytes.length);
    this.#bytes.set(bytes, at);
    this.#length = at + bytes.length;
    this.#added += newlines(bytes);
  }

  /**
   * Writes the buffer out, all of it, however long the sink takes. After an error all output is
   * dropped without another one, so that whatever ends the program can go its way.
   *
   * @throws {OutputClosed} when nobody reads the output any more (EPIPE)
   * @throws {Failure} when it cannot be written for another reason
   */
  flush(): void {
    const end = this.#length;
    this.#length = 0;
    if (this.#broken) return;
    let start = 0;
    try {
      while (start < end) start += this.#write(this.#bytes.subarray(start, end));
      this.#written = this.#added;
    } catch (error) {
      this.#broken = true;
      this.#written += newlines(this.#bytes.subarray(0, start));
      if (error instanceof Deno.errors.BrokenPipe) {
        throw new OutputClosed(`Nobody reads ${this.#target} any more`, { cause: error });
      }
      throw new Failure("output", `Cannot write to ${this.#target}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Writes some of the bytes, and waits until that is possible. */
  #write(bytes: Uint8Array): number {
    for (
      let milliseconds = FIRST_PAUSE_MS;;
      milliseconds = Math.min(milliseconds * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        return this.#sink.writeSync(bytes);
      } catch (error) {
        if (error instanceof Deno.errors.Interrupted) continue;
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      }
      // Another process has made our standard output non-blocking. A blocking write would stop us
      // here just so; there is nothing else to do before these bytes are gone.
      Atomics.wait(pause, 0, 0, milliseconds);
    }
  }
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = -1; (at = bytes.indexOf(NEWLINE, at + 1)) >= 0;) count++;
  return count;
}
