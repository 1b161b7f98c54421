/**
 * One file of a recording: numbers its blocks, and hands them to another thread.
 *
 * @module
 */

import type { BlockQueue, NamedFile } from "./block_queue.ts";
import {
  BLOCK_RECORDS,
  BLOCK_SECTIONS,
  type BlockHead,
  HEAD_BYTES,
  MAX_PLAIN_BYTES,
  writeHead,
} from "./format.ts";
import { type RecordingEnd, type Section, sectionBytes } from "./sections.ts";
import { compress, FAST, SMALL } from "./zstd.ts";

/** Sections of a usual host, most of which are names. */
const SHORT_BYTES = 1 << 16;

/** A block's head, without what depends on the file. */
export type BlockAbout = Omit<BlockHead, "major" | "minor" | "sequence">;

/** The contents of a block as a zstd frame. */
export interface EncodedBlock {
  readonly about: BlockAbout;
  readonly frame: Uint8Array;
}

/** Compresses the records of a block. */
export function recordsBlock(
  plain: Uint8Array,
  about: Pick<BlockAbout, "records" | "lost" | "first" | "last">,
): EncodedBlock {
  return encode(BLOCK_RECORDS, plain, about);
}

/** Compresses sections to as many blocks as they need. @param time when they were written */
export function* sectionBlocks(
  sections: Iterable<Section>,
  time: bigint,
): Generator<EncodedBlock, void, undefined> {
  const about = { records: 0, lost: 0, first: time, last: time };
  let parts: Uint8Array[] = [];
  let length = 0;
  const block = (): EncodedBlock => {
    const plain = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      plain.set(part, at);
      at += part.length;
    }
    parts = [];
    length = 0;
    return encode(BLOCK_SECTIONS, plain, about);
  };
  for (const section of sections) {
    const part = sectionBytes(section);
    if (length > 0 && length + part.length > MAX_PLAIN_BYTES) yield block();
    parts.push(part);
    length += part.length;
  }
  if (length > 0) yield block();
}

function encode(
  type: number,
  plain: Uint8Array,
  about: Pick<BlockAbout, "records" | "lost" | "first" | "last">,
): EncodedBlock {
  // Long lists are hardly smaller then, and the reader of the ring waits meanwhile.
  const isShort = type === BLOCK_SECTIONS && plain.length <= SHORT_BYTES;
  const frame = compress(plain, isShort ? SMALL : FAST);
  return {
    about: { type, frameBytes: frame.length, plainBytes: plain.length, ...about },
    frame,
  };
}

/** A file that is being written. */
export class BlockFile {
  readonly #to: NamedFile;
  readonly #queue: BlockQueue;
  #blocks = 0;
  #bytes = 0;
  #records = 0;

  constructor(to: NamedFile, queue: BlockQueue) {
    this.#to = to;
    this.#queue = queue;
  }

  /** Bytes of its blocks so far, written or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records in them. */
  get records(): number {
    return this.#records;
  }

  /** Adds a block. @param isLast whether the file is closed behind it */
  add({ about, frame }: EncodedBlock, isLast = false): void {
    const block = new Uint8Array(HEAD_BYTES + frame.length);
    writeHead(block, { ...about, sequence: this.#blocks++ });
    block.set(frame, HEAD_BYTES);
    this.#bytes += block.length;
    this.#records += about.records;
    this.#queue.add(this.#to, block, about.records, isLast);
  }

  /** Adds sections. */
  addSections(sections: Iterable<Section>, time: bigint): void {
    for (const block of sectionBlocks(sections, time)) this.add(block);
  }

  /** Ends the file. */
  end({ time, why, lost }: Omit<RecordingEnd, "records">): void {
    const value = { time, why, records: this.#records, lost };
    for (const block of sectionBlocks([{ name: "end", value }], time)) this.add(block, true);
  }
}
