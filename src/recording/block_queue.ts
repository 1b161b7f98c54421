/**
 * Blocks on their way to a file, in another thread, so that a slow disk or pipe does not block this one.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import { Failure, reasonOf } from "../sys/failure.ts";

/** Where blocks go: a `Deno.FsFile`, `Deno.stdout`. */
export interface RecordingFile {
  /**
   * Writes at least one of the bytes without blocking the caller, who must not change them until the
   * promise resolves.
   *
   * @returns the number of bytes written
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Removes the last `bytes` bytes written, if it can: a file, but not a pipe. */
  takeBack?(bytes: number): void;
  /** Called once nothing more is written to it. */
  close?(): void;
}

/** A file, and its name in messages: `"a.vrft"`, `standard output`. */
export interface NamedFile {
  readonly file: RecordingFile;
  readonly name: string;
}

/** Bytes on their way at which the producer should wait. */
const BLOCKED_BYTES = 16 << 20;
/** Milliseconds between retries on a non-blocking descriptor that is not ready. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

interface Waiting {
  readonly to: NamedFile;
  readonly bytes: Uint8Array;
  /** Records in it. */
  readonly records: number;
  /** Whether it is the file's last block. */
  readonly isLast: boolean;
}

/** A queue of blocks. Only {@linkcode progress} waits. */
export class BlockQueue {
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #writing = false;
  #records = 0;
  #written = 0;
  #error: Failure | null = null;
  #told = false;
  #awake: (() => void)[] = [];

  /** Records in blocks that are completely written. */
  get records(): number {
    return this.#records;
  }

  /** Bytes of such blocks. */
  get written(): number {
    return this.#written;
  }

  /** True while so much is on its way that nothing should be added. */
  get blocked(): boolean {
    return this.#bytes >= BLOCKED_BYTES;
  }

  /** True while something remains to be written. */
  get pending(): boolean {
    return this.#error === null && (this.#writing || this.#waiting.length > 0);
  }

  /**
   * Throws the error of an earlier write, once; from then on, blocks are dropped.
   *
   * @throws {Failure} `output`; its cause is a `BrokenPipe` if nobody reads any more
   */
  check(): void {
    if (this.#error === null || this.#told) return;
    this.#told = true;
    throw this.#error;
  }

  /** Adds a block, which must not change any more. */
  add(to: NamedFile, bytes: Uint8Array, records: number, isLast: boolean): void {
    if (this.#error !== null) return;
    this.#waiting.push({ to, bytes, records, isLast });
    this.#bytes += bytes.length;
    this.#pump();
  }

  /** Resolves after the next block, written or not. */
  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#awake.push(resolve);
    });
  }

  #pump(): void {
    if (this.#writing || this.#error !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#writing = true;
    void this.#write(next);
  }

  async #write({ to, bytes, records, isLast }: Waiting): Promise<void> {
    let start = 0;
    try {
      while (start < bytes.length) start += await writeSome(to.file, bytes.subarray(start));
      this.#records += records;
      this.#written += bytes.length;
      if (isLast) to.file.close?.();
    } catch (cause) {
      if (start > 0) to.file.takeBack?.(start);
      this.#error = new Failure(
        "output",
        `Cannot write to ${to.name}: ${reasonOf(cause)}; ${
          amount(this.#records)
        } events are recorded`,
        { cause },
      );
      this.#waiting.length = 0;
    }
    this.#bytes -= bytes.length;
    this.#writing = false;
    this.#pump();
    const awake = this.#awake;
    this.#awake = [];
    for (const resolve of awake) resolve();
  }
}

/** Writes at least one of the bytes, once the file is ready. */
async function writeSome(file: RecordingFile, bytes: Uint8Array): Promise<number> {
  for (let pause = FIRST_PAUSE_MS;; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await file.write(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.Interrupted) continue;
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    // Another process has set O_NONBLOCK on our standard output.
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
