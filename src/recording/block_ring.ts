/**
 * The latest blocks of a trace, in memory: a row of bytes in chunks, of which those of the oldest blocks are
 * used again for new ones, so that what it takes does not grow with time.
 *
 * @module
 */

/** Bytes of memory taken at a time. */
const CHUNK_BYTES = 256 << 10;
/** What is kept of a block beside its bytes takes about so many: tiny blocks are not without limit, either. */
const ENTRY_BYTES = 256;

/** A block, and where its bytes are in the row. */
interface Entry<T> {
  readonly about: T;
  readonly start: number;
  readonly length: number;
}

/** Blocks by their numbers, which count from 0. */
export class BlockRing<T> {
  readonly #capacity: number;
  readonly #evicted: (about: T, number: number) => void;
  readonly #entries: Entry<T>[] = [];
  /** Those that the row is in, the first with the start of the oldest block; and those that are free. */
  readonly #chunks: Uint8Array[] = [];
  readonly #free: Uint8Array[] = [];
  /** Where in the row the first chunk starts, and where the next block will. */
  #start = 0;
  #end = 0;
  #oldest = 0;

  /**
   * @param capacity most bytes of memory
   * @param evicted told of each block that gives way, while it is still there
   */
  constructor(capacity: number, evicted: (about: T, number: number) => void) {
    this.#capacity = capacity;
    this.#evicted = evicted;
  }

  /** Number of the oldest block. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Number of the next block. */
  get next(): number {
    return this.#oldest + this.#entries.length;
  }

  /** Bytes of memory that it has, in use or not. */
  get held(): number {
    return (this.#chunks.length + this.#free.length) * CHUNK_BYTES +
      this.#entries.length * ENTRY_BYTES;
  }

  /** What is known of a block that is there. */
  about(number: number): T {
    return this.#entry(number).about;
  }

  /** A copy of its bytes. */
  copy(number: number): Uint8Array {
    const { start, length } = this.#entry(number);
    const bytes = new Uint8Array(length);
    this.#parts(start, length, (part, at) => bytes.set(part, at));
    return bytes;
  }

  /**
   * Adds a block, for which the oldest give way.
   *
   * @returns false if it is longer than all of the memory
   */
  push(about: T, bytes: Uint8Array): boolean {
    const { length } = bytes;
    while (!this.#fits(length)) {
      if (this.#entries.length === 0) return false;
      this.evict();
    }
    while (this.#room < length) this.#chunks.push(this.#free.pop() ?? new Uint8Array(CHUNK_BYTES));
    this.#parts(this.#end, length, (part, at) => {
      part.set(bytes.subarray(at, at + part.length));
    });
    this.#entries.push({ about, start: this.#end, length });
    this.#end += length;
    while (this.held > this.#capacity) this.#free.pop();
    return true;
  }

  /** Gives up the oldest block. */
  evict(): void {
    this.#evicted(this.about(this.#oldest), this.#oldest);
    this.#entries.shift();
    this.#oldest++;
    const [first] = this.#entries;
    // Of an empty row nothing is in use.
    if (first === undefined) this.#end = this.#start + this.#chunks.length * CHUNK_BYTES;
    const start = first?.start ?? this.#end;
    while (this.#start + CHUNK_BYTES <= start) {
      this.#free.push(this.#chunks.shift()!);
      this.#start += CHUNK_BYTES;
    }
  }

  /** Bytes behind the last block in chunks that it has. */
  get #room(): number {
    return this.#start + this.#chunks.length * CHUNK_BYTES - this.#end;
  }

  #fits(length: number): boolean {
    const more = Math.max(0, Math.ceil((length - this.#room) / CHUNK_BYTES));
    return (this.#chunks.length + more) * CHUNK_BYTES + (this.#entries.length + 1) * ENTRY_BYTES <=
      this.#capacity;
  }

  #entry(number: number): Entry<T> {
    const entry = this.#entries[number - this.#oldest];
    if (entry === undefined) throw new RangeError(`Block ${number} is not in the ring`);
    return entry;
  }

  /** The parts of chunks that a piece of the row is in, each with its place in the piece. */
  #parts(start: number, length: number, take: (part: Uint8Array, at: number) => void): void {
    for (let done = 0; done < length;) {
      const at = start + done - this.#start;
      const from = at % CHUNK_BYTES;
      const part = this.#chunks[Math.floor(at / CHUNK_BYTES)]!
        .subarray(from, Math.min(CHUNK_BYTES, from + length - done));
      take(part, done);
      done += part.length;
    }
  }
}
