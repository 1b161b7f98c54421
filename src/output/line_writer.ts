/**
 * Bytes of output, gathered in blocks that rows are written straight into, and written out by another
 * thread: however long a reader takes, this one goes on.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";

/** Where bytes go: `Deno.stdout`, `Deno.stderr`, a `Deno.FsFile`. */
export interface ByteSink {
  /**
   * Writes some of the bytes, at least one, without holding up the caller; they stay as they are until
   * that is done.
   *
   * @returns how many
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Takes the last so many bytes back, where that can be done: a file, but no pipe. */
  takeBack?(bytes: number): void;
}

/** Whoever was reading the output has closed it, as `head` does: end, and say nothing. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/**
 * Bytes of a block. Handing one to the other thread takes 15 to 30 µs, in which 300 rows can be made:
 * 11,000 fit.
 */
const BLOCK_BYTES = 1 << 20;
/** Full blocks at which those who make rows should wait. */
const FULL_BLOCKS = 3;
/** Empty blocks kept for later. */
const SPARE_BLOCKS = 8;

const NEWLINE = 0x0a;

/** Pauses while a descriptor opened for non-blocking output is not ready, in milliseconds. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

/** Memory that is filled by lines and then written. */
interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
  lines: number;
}

/**
 * A buffer in front of a {@linkcode ByteSink}. Nothing it does waits, but for {@linkcode finish} and
 * {@linkcode progress}. It takes any number of rows; who makes many looks at {@linkcode blocked}.
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
  readonly #capacity: number;
  /** What is filled now. Its view and lengths are kept apart, for speed. */
  #block: Block;
  #view: DataView;
  #length = 0;
  #lines = 0;
  /** Waiting to be written, the oldest first. */
  readonly #full: Block[] = [];
  readonly #spare: Block[] = [];
  #writing = false;
  #flushing = false;
  #held = false;
  #written = 0;
  #error: Error | null = null;
  #told = false;
  #waiting: (() => void)[] = [];

  /**
   * @param sink where the bytes go
   * @param target what error messages call it: `standard output`, or the name of the file
   * @param capacity bytes gathered before they are written
   */
  constructor(sink: ByteSink, target: string, capacity: number = BLOCK_BYTES) {
    this.#sink = sink;
    this.#target = target;
    this.#capacity = capacity;
    this.#block = newBlock(capacity);
    this.#view = this.#block.view;
  }

  /** The buffer. Read this after {@linkcode room}, which may replace it. */
  get view(): DataView {
    return this.#view;
  }

  /**
   * Makes room in the buffer, by having written what it holds if need be.
   *
   * @param bytes that may be written from there on, any number
   * @returns index in {@linkcode view} of the first of them
   * @throws as {@linkcode flush}
   */
  room(bytes: number): number {
    if (this.#length + bytes > this.#view.byteLength) {
      this.#check();
      this.#turnOver(bytes);
      this.#pump();
    }
    return this.#length;
  }

  /** Takes the line that was written into the {@linkcode room}, up to the index `end`. */
  end(end: number): void {
    this.#length = end;
    this.#lines++;
  }

  /** Lines that have been written out, from their first byte to their last. */
  get written(): number {
    return this.#written;
  }

  /** True while so much waits to be written that no more should be added. */
  get blocked(): boolean {
    return this.#full.length >= FULL_BLOCKS;
  }

  /** True while something has not been written. */
  get pending(): boolean {
    return this.#error === null && (this.#writing || this.#full.length > 0 || this.#length > 0);
  }

  /**
   * Adds text as it is, in UTF-8.
   *
   * @throws as {@linkcode flush}
   */
  text(text: string): void {
    this.bytes(new TextEncoder().encode(text));
  }

  /**
   * Adds bytes as they are.
   *
   * @throws as {@linkcode flush}
   */
  bytes(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.#block.bytes.set(bytes, at);
    this.#length = at + bytes.length;
    this.#lines += newlines(bytes);
  }

  /**
   * Has written what the buffer holds, as soon as the sink takes it. After an error all output is
   * dropped without another one, so that whatever ends the program can go its way.
   *
   * @throws {OutputClosed} when nobody reads the output any more (EPIPE)
   * @throws {Failure} when it could not be written for another reason
   */
  flush(): void {
    this.#check();
    this.#flushing = true;
    this.#pump();
  }

  /** While true, nothing more is given to the sink. */
  set held(held: boolean) {
    this.#held = held;
    this.#pump();
  }

  /** Resolves once the sink has taken more, or failed. */
  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /**
   * Waits until everything is written.
   *
   * @param cut aborted to give up what is not
   * @throws as {@linkcode flush}
   */
  async finish(cut?: AbortSignal): Promise<void> {
    this.flush();
    const wake = (): void => this.#wake();
    cut?.addEventListener("abort", wake);
    try {
      while (this.pending && cut?.aborted !== true) await this.progress();
    } finally {
      cut?.removeEventListener("abort", wake);
    }
    this.#check();
  }

  #check(): void {
    if (this.#error === null || this.#told) return;
    this.#told = true;
    throw this.#error;
  }

  /** Puts an empty block in the place of the present one, with room for so many bytes. */
  #turnOver(bytes: number): void {
    if (this.#error === null && this.#length > 0) {
      const block = this.#block;
      block.length = this.#length;
      block.lines = this.#lines;
      this.#full.push(block);
      this.#block = this.#spare.pop() ?? newBlock(this.#capacity);
    }
    if (bytes > this.#block.bytes.length) this.#block = newBlock(bytes);
    this.#view = this.#block.view;
    this.#length = 0;
    this.#lines = 0;
  }

  /** Gives the sink the next block, if there is one and it is done with the last. */
  #pump(): void {
    if (this.#writing || this.#held || this.#error !== null) return;
    if (this.#full.length === 0 && this.#flushing) {
      this.#flushing = false;
      this.#turnOver(0);
    }
    const block = this.#full.shift();
    if (block === undefined) return;
    this.#writing = true;
    void this.#writeBlock(block);
  }

  async #writeBlock(block: Block): Promise<void> {
    const { bytes, length, lines } = block;
    let start = 0;
    try {
      while (start < length) start += await this.#write(bytes.subarray(start, length));
      this.#written += lines;
      if (bytes.length === this.#capacity && this.#spare.length < SPARE_BLOCKS) {
        this.#spare.push(block);
      }
    } catch (error) {
      const out = bytes.subarray(0, start);
      this.#written += newlines(out);
      this.#fail(error, out.length - (out.lastIndexOf(NEWLINE) + 1));
    }
    this.#writing = false;
    this.#pump();
    this.#wake();
  }

  /** Writes some of the bytes, as soon as that is possible. */
  async #write(bytes: Uint8Array): Promise<number> {
    for (
      let milliseconds = FIRST_PAUSE_MS;;
      milliseconds = Math.min(milliseconds * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        return await this.#sink.write(bytes);
      } catch (error) {
        if (error instanceof Deno.errors.Interrupted) continue;
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      }
      // Another process has made our standard output non-blocking.
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
  }

  /** @param rest bytes behind the last whole line */
  #fail(cause: unknown, rest: number): void {
    const closed = cause instanceof Deno.errors.BrokenPipe ||
      cause instanceof Deno.errors.ConnectionReset;
    this.#error = closed
      ? new OutputClosed(`Nobody reads ${this.#target} any more`, { cause })
      : new Failure("output", `Cannot write to ${this.#target}: ${reasonOf(cause)}`, { cause });
    this.#full.length = 0;
    if (rest > 0) this.#sink.takeBack?.(rest);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function newBlock(capacity: number): Block {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: new DataView(bytes.buffer), length: 0, lines: 0 };
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = -1; (at = bytes.indexOf(NEWLINE, at + 1)) >= 0;) count++;
  return count;
}
