/**
 * Writes a recording: takes the records of a trace, as any consumer does, and hands blocks to another thread.
 *
 * A block is compressed here, which takes one to two milliseconds: node:zlib's asynchronous functions block
 * this thread for just as long, and a worker costs 20 MB.
 *
 * @module
 */

import {
  CPU_AND_KIND,
  EVENT_BYTES,
  FRAME,
  KIND_LONG_ENTRY,
  KIND_LONG_RETURN,
  KIND_RETURN,
  LONG_BYTES,
  type RecordSink,
} from "../probe/record.ts";
import { BlockQueue, type NamedFile } from "./block_queue.ts";
import { RecordEncoder } from "./encoder.ts";
import { BLOCK_RECORDS, BLOCK_SECTIONS, HEAD_BYTES, MAX_PLAIN_BYTES, writeHead } from "./format.ts";
import { KnownSections, type Section, sectionBytes } from "./sections.ts";
import type { OccurringSymbols } from "./symbols.ts";
import type { OccurringTasks } from "./task_names.ts";
import { compress } from "./zstd.ts";

/** Milliseconds after which records are written though their block is not full: what a kill may lose. */
export const FLUSH_MS = 500;

/** Why a file ends where the next one begins. */
const ROTATED = "rotated";

/** Decides when the next file begins. */
export interface Rotating {
  /** @param bytes length of the present file */
  isDue(bytes: number): boolean;
  /** Opens the next file. @throws {Failure} if it cannot be opened */
  next(): NamedFile;
}

/** What a recording is written with. */
export interface RecordingOptions {
  /** The first file. */
  readonly to: NamedFile;
  /** What is known from the start; the header is among it. */
  readonly sections: readonly Section[];
  /** Records lost since the start of the trace; asked for when some were. */
  readonly lost: () => number;
  /** Names the addresses in records; `null` if none are to have names. */
  readonly symbols?: OccurringSymbols | null;
  /** Names the tasks in records, likewise. */
  readonly tasks?: OccurringTasks | null;
  /** `null`, the default, for one file. */
  readonly rotation?: Rotating | null;
  /** Milliseconds of any clock that does not go back. */
  readonly now?: () => number;
}

/**
 * Records to blocks. It is an `EventSink`, and its own slow output: a producer stops while it is
 * {@linkcode blocked}. All its methods throw a `Failure` once if writing has failed; after that, everything
 * is dropped.
 */
export class RecordingWriter implements RecordSink {
  readonly #encoder = new RecordEncoder();
  readonly #queue = new BlockQueue();
  readonly #known = new KnownSections();
  readonly #lost: () => number;
  readonly #symbols: OccurringSymbols | null;
  readonly #tasks: OccurringTasks | null;
  readonly #rotation: Rotating | null;
  readonly #now: () => number;
  #to: NamedFile;
  /** Bytes of the present file, and its blocks and records. */
  #bytes = 0;
  #blocks = 0;
  #fileRecords = 0;
  #lastTime = 0n;
  #records = 0;
  #malformed = 0;
  #lostTold = 0;
  #lostBefore = 0;
  /** When {@linkcode dry} first saw the present block; -1 if it has not. */
  #since = -1;
  #ended = false;

  constructor(options: RecordingOptions) {
    const { to, sections, lost, symbols = null, tasks = null, rotation = null } = options;
    this.#to = to;
    this.#lost = lost;
    this.#symbols = symbols;
    this.#tasks = tasks;
    this.#rotation = rotation;
    this.#now = options.now ?? ((): number => performance.now());
    for (const section of sections) this.#known.add(section);
    this.#writeSections(this.#known.all());
  }

  /** Records taken. */
  get records(): number {
    return this.#records;
  }

  /** Records whose length is not what they say, which the ring never has; they are left out. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Records in blocks that are completely written. */
  get written(): number {
    return this.#queue.records;
  }

  /** Bytes of such blocks, in all files. */
  get writtenBytes(): number {
    return this.#queue.written;
  }

  /** True while so much is on its way to the file that nothing should be added. */
  get blocked(): boolean {
    return this.#queue.blocked;
  }

  /** True while something remains to be written. */
  get pending(): boolean {
    return this.#queue.pending;
  }

  /** Resolves after the next block, written or not. */
  progress(): Promise<void> {
    return this.#queue.progress();
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    const kind = (words[at + CPU_AND_KIND]! >>> 16) & 0xff;
    if (kind === KIND_LONG_ENTRY || kind === KIND_LONG_RETURN) {
      if (bytes !== LONG_BYTES) {
        this.#malformed++;
        return;
      }
    } else if (kind > KIND_RETURN) {
      if ((words[at + FRAME]! & 0xff) * EVENT_BYTES !== bytes) {
        this.#malformed++;
        return;
      }
      this.#symbols?.note(words, at, bytes);
    } else if (kind === 0 || bytes !== EVENT_BYTES) {
      this.#malformed++;
      return;
    }
    this.#tasks?.note(words, at);
    this.#encoder.add(words, at, bytes);
    if (this.#encoder.full) this.flush();
  }

  /** Records were lost: see `EventSink`. */
  lost(ahead: number): void {
    this.#lostTold = this.#lost();
    this.#encoder.addLoss(ahead, this.#lostTold);
    if (this.#encoder.full) this.flush();
  }

  /** There are no more records for now: what is older than {@linkcode FLUSH_MS} is written. */
  dry(): void {
    this.#queue.check();
    if (this.#encoder.empty) return;
    const now = this.#now();
    if (this.#since < 0) this.#since = now;
    else if (now - this.#since >= FLUSH_MS) this.flush();
  }

  /** Adds sections behind the records so far. */
  add(...sections: readonly Section[]): void {
    this.flush();
    for (const section of sections) this.#known.add(section);
    this.#writeSections(sections);
  }

  /** Ends the recording, and its last file. @param why see `RecordingEnd` */
  end(why: string): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#writeEnd(why, this.#lost());
  }

  /**
   * Waits until everything is written.
   *
   * @param cut aborted to wait no longer
   */
  async settle(cut?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    cut?.addEventListener("abort", stop);
    try {
      while (this.pending && cut?.aborted !== true) await Promise.race([this.progress(), promise]);
    } finally {
      cut?.removeEventListener("abort", stop);
    }
    this.#queue.check();
  }

  /** Writes the records so far. */
  flush(): void {
    this.#queue.check();
    const encoder = this.#encoder;
    if (encoder.empty || this.#ended) return;
    this.#since = -1;
    this.#addFound({ name: "symbols", value: this.#symbols?.take() ?? [] });
    this.#addFound({ name: "tasks", value: this.#tasks?.take() ?? [] });
    const { records, first, last } = encoder;
    if (records > 0) this.#lastTime = last;
    const lost = this.#lostTold - this.#lostBefore;
    this.#lostBefore = this.#lostTold;
    this.#records += records;
    this.#fileRecords += records;
    this.#writeBlock(BLOCK_RECORDS, encoder.take(), { records, lost, first, last });
    if (this.#rotation?.isDue(this.#bytes)) this.#rotate(this.#rotation);
  }

  /** Adds to a list, in front of the records that refer to it. */
  #addFound(section: Extract<Section, { name: "symbols" | "tasks" }>): void {
    if (section.value.length === 0) return;
    this.#known.add(section);
    this.#writeSections([section]);
  }

  #rotate(rotation: Rotating): void {
    const next = rotation.next();
    this.#writeEnd(ROTATED, this.#lostTold);
    this.#to = next;
    this.#bytes = this.#blocks = this.#fileRecords = 0;
    this.#writeSections(this.#known.all());
  }

  #writeEnd(why: string, lost: number): void {
    const value = { time: this.#lastTime, why, records: this.#fileRecords, lost };
    this.#writeSections([{ name: "end", value }], true);
  }

  /** Writes sections in as many blocks as they need. */
  #writeSections(sections: Iterable<Section>, isLast = false): void {
    let parts: Uint8Array[] = [];
    let length = 0;
    const write = (): void => {
      const plain = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        plain.set(part, at);
        at += part.length;
      }
      const time = this.#lastTime;
      this.#writeBlock(
        BLOCK_SECTIONS,
        plain,
        { records: 0, lost: 0, first: time, last: time },
        isLast,
      );
      parts = [];
      length = 0;
    };
    for (const section of sections) {
      const part = sectionBytes(section);
      if (length > 0 && length + part.length > MAX_PLAIN_BYTES) write();
      parts.push(part);
      length += part.length;
    }
    if (length > 0) write();
  }

  #writeBlock(
    type: number,
    plain: Uint8Array,
    about: { records: number; lost: number; first: bigint; last: bigint },
    isLast = false,
  ): void {
    const frame = compress(plain);
    const block = new Uint8Array(HEAD_BYTES + frame.length);
    writeHead(block, {
      type,
      sequence: this.#blocks++,
      frameBytes: frame.length,
      plainBytes: plain.length,
      ...about,
    });
    block.set(frame, HEAD_BYTES);
    this.#bytes += block.length;
    this.#queue.add(this.#to, block, about.records, isLast);
  }
}
