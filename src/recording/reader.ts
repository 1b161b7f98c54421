/**
 * Reads a recording, block by block, and feeds its records to a sink in the order in which they were written.
 *
 * A file may come from anywhere, and may end anywhere. A block is passed on only if all of it is intact; the
 * first one that is not ends the reading, and {@linkcode RecordingReader.end} says why. Whatever the file has,
 * the reader takes no more than some multiples of a block's limits (`format.ts`), and each block takes it a
 * step ahead.
 *
 * @module
 */

import { RECORD_VERSION } from "../probe/record.ts";
import { amount } from "../sys/amount.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { type BlockSink, RecordDecoder } from "./decoder.ts";
import {
  BLOCK_RECORDS,
  BLOCK_SECTIONS,
  type BlockHead,
  HEAD_BYTES,
  headBytes,
  MAJOR,
  readHead,
} from "./format.ts";
import {
  KnownSections,
  readSections,
  type RecordingEnd,
  type RecordingHeader,
  type Section,
} from "./sections.ts";
import type { RecordingSource } from "./source.ts";
import { decompress } from "./zstd.ts";

/** Receives what a recording has. */
export interface RecordingSink extends BlockSink {
  /** A section, in its place among the records. */
  section?(section: Section): void;
}

/** How the reading has ended. */
export type Ending =
  /** With the end that the writer has written. */
  | { readonly kind: "complete"; readonly end: RecordingEnd }
  /** The file ends before that: the writer was killed, or the file was cut. */
  | { readonly kind: "cut" }
  /** Something else is there than the next block. */
  | { readonly kind: "damaged"; readonly what: string };

/** Nobody is interested. */
const NOBODY: RecordingSink = { record: () => {}, lost: () => {} };

/** Reads one recording. */
export class RecordingReader {
  /** What the sections so far say. */
  readonly sections: KnownSections = new KnownSections();
  readonly #source: RecordingSource;
  readonly #name: string;
  /** Made for the first records. */
  #decoder: RecordDecoder | undefined;
  readonly #headBytes = new Uint8Array(HEAD_BYTES);
  #frame = new Uint8Array();
  /** Head of the next block, if it is read already. */
  #next: BlockHead | null = null;
  #nextHeadBytes = 0;
  #blocks = 0;
  #bytes = 0;
  #records = 0;
  #lost = 0;
  #ending: Ending | null = null;

  /**
   * Reads the beginning.
   *
   * @param name of the file, in messages: `"a.vrft"`
   * @throws {Failure} `recording` if it is no recording, or one that this version cannot read
   */
  constructor(source: RecordingSource, name: string) {
    this.#source = source;
    this.#name = name;
    this.#open();
  }

  /** Where it was made. */
  get header(): RecordingHeader {
    return this.sections.get("header")!;
  }

  /** How the reading has ended; `null` before that. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** Whole blocks read or skipped, and their bytes, records and lost records. */
  get blocks(): number {
    return this.#blocks;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get records(): number {
    return this.#records;
  }

  get lost(): number {
    return this.#lost;
  }

  /**
   * Reads the next block, and passes on what it has.
   *
   * @returns false if there is none: see {@linkcode ending}
   * @throws {Failure} `recording` if the file cannot be read, and what the sink throws
   */
  next(sink: RecordingSink): boolean {
    const head = this.#peek();
    if (head === null) return false;
    return this.#take(head, sink);
  }

  /**
   * Hops over the next block. Of its sections it takes note all the same.
   *
   * @returns its head; `null` if there is none
   */
  skip(): BlockHead | null {
    const head = this.#peek();
    if (head === null) return null;
    if (head.type === BLOCK_SECTIONS) return this.#take(head, NOBODY) ? head : null;
    const skipped = this.#access(() => this.#source.skip(head.frameBytes));
    if (skipped < head.frameBytes) return this.#end({ kind: "cut" });
    this.#pass(head);
    return head;
  }

  /** Hops to the first block with a record that is not older than a time of CLOCK_MONOTONIC, or to the end. */
  seek(time: bigint): void {
    for (let head = this.#peek(); head !== null; head = this.#peek()) {
      if (head.type === BLOCK_RECORDS && head.records > 0 && head.last >= time) return;
      if (this.skip() === null) return;
    }
  }

  #open(): void {
    const head = this.#peek();
    const ending = this.#ending;
    if (head === null || !this.#take(head, NOBODY) || !this.sections.get("header")) {
      const what = this.#bytes === 0 && ending?.kind === "cut" && this.#nextHeadBytes === 0
        ? "it is empty"
        : this.#ending?.kind === "damaged"
        ? this.#ending.what
        : "it ends before its first events";
      throw this.#failure(what);
    }
    const { recordVersion, vrft } = this.header;
    if (recordVersion !== RECORD_VERSION) {
      throw this.#failure(
        `its records are of version ${recordVersion}, and this vrft reads version ${RECORD_VERSION}: ` +
          `use vrft ${vrft}, which wrote it`,
      );
    }
  }

  /** Reads the next block's head, unless it is read already. */
  #peek(): BlockHead | null {
    if (this.#next !== null || this.#ending !== null) return this.#next;
    const bytes = this.#headBytes;
    const read = this.#fill(bytes);
    if (this.#blocks === 0) this.#nextHeadBytes = read;
    if (read === 0) return this.#end({ kind: "cut" });
    const end = this.sections.get("end");
    if (read >= 8 && headBytes(bytes) === 0) return this.#damaged("it is no recording of vrft");
    if (read < bytes.length) return this.#end({ kind: "cut" });
    const head = readHead(bytes);
    if (head === "foreign") return this.#damaged("it is no recording of vrft");
    if (head === "damaged") return this.#damaged("a block's head is damaged");
    if (head === "newer") return this.#newer(bytes);
    if (head.sequence !== this.#blocks) {
      return this.#damaged(
        `block ${amount(head.sequence)} is in the place of ${amount(this.#blocks)}`,
      );
    }
    if (end !== undefined) return this.#damaged("it goes on behind its end");
    this.#nextHeadBytes = headBytes(bytes);
    const more = this.#nextHeadBytes - HEAD_BYTES;
    if (more > 0 && this.#access(() => this.#source.skip(more)) < more) {
      return this.#end({ kind: "cut" });
    }
    this.#next = head;
    return head;
  }

  #newer(bytes: Uint8Array): null {
    const version = bytes[12]!;
    if (this.#blocks > 0) return this.#damaged("a block's head is damaged");
    throw this.#failure(
      `it is written in version ${version} of the format, and this vrft reads version ${MAJOR}: ` +
        "use a newer vrft",
    );
  }

  /** Reads what belongs to the head, and passes it on if all of it is intact. */
  #take(head: BlockHead, sink: RecordingSink): boolean {
    if (head.frameBytes > this.#frame.length) this.#frame = new Uint8Array(head.frameBytes);
    const frame = this.#frame.subarray(0, head.frameBytes);
    if (this.#fill(frame) < frame.length) return this.#end({ kind: "cut" }) !== null;
    if (head.type !== BLOCK_RECORDS && head.type !== BLOCK_SECTIONS) {
      // Of a newer minor version.
      this.#pass(head);
      return true;
    }
    const plain = decompress(frame, head.plainBytes);
    if (plain === null) return this.#damaged("a block is damaged") !== null;
    if (head.type === BLOCK_SECTIONS) {
      const sections = readSections(plain);
      if (sections === null) return this.#damaged("a section is damaged") !== null;
      this.#pass(head);
      for (const section of sections) {
        this.sections.add(section);
        sink.section?.(section);
      }
      return true;
    }
    const decoder = this.#decoder ??= new RecordDecoder();
    if (!decoder.decode(plain, head.records)) {
      return this.#damaged("the records of a block are damaged") !== null;
    }
    this.#pass(head);
    decoder.feed(sink);
    return true;
  }

  /** The next block is done with. */
  #pass(head: BlockHead): void {
    this.#next = null;
    this.#blocks++;
    this.#bytes += this.#nextHeadBytes + head.frameBytes;
    if (head.type !== BLOCK_RECORDS) return;
    this.#records += head.records;
    this.#lost += head.lost;
  }

  #end(ending: Ending): null {
    this.#next = null;
    const end = this.sections.get("end");
    this.#ending = end !== undefined && ending.kind === "cut" ? { kind: "complete", end } : ending;
    return null;
  }

  #damaged(what: string): null {
    this.#next = null;
    this.#ending = { kind: "damaged", what };
    return null;
  }

  /** Fills `to`, unless the file ends. */
  #fill(to: Uint8Array): number {
    let length = 0;
    while (length < to.length) {
      const read = this.#access(() => this.#source.read(to.subarray(length)));
      if (read === 0) break;
      length += read;
    }
    return length;
  }

  #access<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw this.#failure(reasonOf(cause), cause);
    }
  }

  #failure(what: string, cause?: unknown): Failure {
    return new Failure("recording", `Cannot read ${this.#name}: ${what}`, { cause });
  }
}
