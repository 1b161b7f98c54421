/**
 * Recordings for tests.
 *
 * @module
 */

import type { NamedFile } from "../../src/recording/block_queue.ts";
import { RecordingReader, type RecordingSink } from "../../src/recording/reader.ts";
import type { RecordingHeader, Section } from "../../src/recording/sections.ts";
import { memorySource } from "../../src/recording/source.ts";
import { type RecordingOptions, RecordingWriter } from "../../src/recording/writer.ts";
import { RECORD_VERSION } from "../../src/probe/record.ts";

/** A file in memory that takes at most `most` bytes at a time. */
export class MemoryFile {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  closed = false;
  constructor(private readonly most = Infinity) {}

  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, this.most);
    const all = new Uint8Array(this.bytes.length + taken.length);
    all.set(this.bytes);
    all.set(taken, this.bytes.length);
    this.bytes = all;
    return Promise.resolve(taken.length);
  }

  close(): void {
    this.closed = true;
  }
}

/** A header of any recording. */
export const HEADER: RecordingHeader = {
  vrft: "0.1.0",
  recordVersion: RECORD_VERSION,
  host: "compute-7",
  kernel: "6.12.117+deb12-cloud-amd64",
  distribution: "Debian GNU/Linux 12",
  vrouterNetns: 4026531840,
  currentNetns: 4026531840,
};

/** Makes a recording. @param fill gives the writer what it is to have; the end is added to that */
export async function recorded(
  fill: (writer: RecordingWriter) => void,
  options: Partial<RecordingOptions> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const file = new MemoryFile();
  const writer = writerTo({ file, name: "memory" }, options);
  fill(writer);
  writer.end("interrupted");
  await writer.settle();
  return file.bytes;
}

/** A writer with no more than a header. */
export function writerTo(to: NamedFile, options: Partial<RecordingOptions> = {}): RecordingWriter {
  const sections: Section[] = [{ name: "header", value: HEADER }];
  return new RecordingWriter({
    to,
    lost: () => 0,
    ...options,
    sections: [...sections, ...options.sections ?? []],
  });
}

/** Collects the words of all records, and whatever else comes. */
export class Collected implements RecordingSink {
  readonly words: number[] = [];
  readonly losses: { ahead: number; total: number; behind: number }[] = [];
  readonly sections: Section[] = [];
  records = 0;

  record(words: Uint32Array, at: number, bytes: number): void {
    this.records++;
    for (let word = 0; word < bytes / 4; word++) this.words.push(words[at + word]!);
  }

  lost(ahead: number, total: number): void {
    this.losses.push({ ahead, total, behind: this.records });
  }

  section(section: Section): void {
    this.sections.push(section);
  }
}

/** Reads all of a recording. */
export function readAll(bytes: Uint8Array, sink: RecordingSink): RecordingReader {
  const reader = new RecordingReader(memorySource(bytes), '"a.vrft"');
  while (reader.next(sink));
  return reader;
}
