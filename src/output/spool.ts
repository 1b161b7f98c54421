/**
 * What formats write in another order than that of the events: by CPU, or by task. It is kept in blocks of
 * bytes until the end, in memory or in a file that has no name.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { openUnnamed } from "../sys/files.ts";

/** Keeps bytes. */
export interface Spool {
  /** Adds bytes, behind those added before. @throws {Failure} `output` if there is no room */
  append(bytes: Uint8Array): void;
  /** Fills `to` by what was added at `position`. */
  read(position: number, to: Uint8Array): void;
}

/** Bytes that a memory spool takes from the system at a time. */
const PIECE_BYTES = 1 << 20;

/** Keeps bytes in memory. */
export class MemorySpool implements Spool {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const start = this.#length % PIECE_BYTES;
      if (start === 0) this.#pieces.push(new Uint8Array(PIECE_BYTES));
      const part = bytes.subarray(done, done + PIECE_BYTES - start);
      this.#pieces.at(-1)!.set(part, start);
      this.#length += part.length;
      done += part.length;
    }
  }

  read(position: number, to: Uint8Array): void {
    for (let done = 0; done < to.length;) {
      const at = position + done;
      const start = at % PIECE_BYTES;
      const part = this.#pieces[Math.floor(at / PIECE_BYTES)]!
        .subarray(start, start + to.length - done);
      to.set(part, done);
      done += part.length;
    }
  }
}

/** Keeps bytes in a file of the directory for temporary files, which goes away with the program. */
export class FileSpool implements Spool, Disposable {
  readonly #file: Deno.FsFile;
  #length = 0;

  /** @throws {Failure} `output` if there can be no such file */
  constructor() {
    try {
      this.#file = openUnnamed();
    } catch (cause) {
      throw new Failure("output", `Cannot make a temporary file: ${reasonOf(cause)}`, { cause });
    }
  }

  append(bytes: Uint8Array): void {
    try {
      this.#file.seekSync(this.#length, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
      this.#length += bytes.length;
    } catch (cause) {
      const what = "Cannot write to a temporary file";
      throw new Failure(
        "output",
        `${what}: ${reasonOf(cause)}; set TMPDIR to where there is room`,
        {
          cause,
        },
      );
    }
  }

  read(position: number, to: Uint8Array): void {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let done = 0; done < to.length;) {
      const read = this.#file.readSync(to.subarray(done));
      if (read === null) throw new Failure("output", "Cannot read a temporary file back");
      done += read;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Bytes of one kind, one after the other, in blocks of a spool. */
export class Lane {
  /** The block being filled. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Bytes of it that are used. Its owner counts them. */
  used = 0;
  readonly #spool: BlockSpool;
  #blocks = new Int32Array(8);
  #count = 0;

  constructor(spool: BlockSpool) {
    this.bytes = new Uint8Array(spool.blockBytes);
    this.view = new DataView(this.bytes.buffer);
    this.#spool = spool;
  }

  /** Number of blocks that are full. */
  get blocks(): number {
    return this.#count;
  }

  /** Puts the block away, however much of it is used, and starts the next one, which has its old contents. */
  turnOver(): void {
    if (this.#count === this.#blocks.length) {
      const blocks = new Int32Array(2 * this.#count);
      blocks.set(this.#blocks);
      this.#blocks = blocks;
    }
    this.#blocks[this.#count++] = this.#spool.add(this.bytes);
    this.used = 0;
  }

  /** The blocks that were put away, one after the other in {@linkcode bytes}, which loses what it has. */
  *replay(): Generator<Uint8Array, void, undefined> {
    for (let index = 0; index < this.#count; index++) {
      this.#spool.read(this.#blocks[index]!, this.bytes);
      yield this.bytes;
    }
  }
}

/** A spool of blocks of the same size. */
export class BlockSpool {
  readonly blockBytes: number;
  readonly #spool: Spool;
  #count = 0;

  constructor(spool: Spool, blockBytes: number) {
    this.#spool = spool;
    this.blockBytes = blockBytes;
  }

  /** Adds a block. @returns its number */
  add(block: Uint8Array): number {
    this.#spool.append(block);
    return this.#count++;
  }

  read(number: number, to: Uint8Array): void {
    this.#spool.read(number * this.blockBytes, to);
  }
}
