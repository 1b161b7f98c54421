/**
 * Writes a recording: takes the records of a trace, as any consumer does, and hands blocks to another thread.
 *
 * @module
 */

import type { RecordSink } from "../probe/record.ts";
import { BlockFile, type EncodedBlock } from "./block_file.ts";
import { BlockQueue, type NamedFile } from "./block_queue.ts";
import { CarriedSections } from "./carried_sections.ts";
import type { OccurringDevices } from "./device_names.ts";
import type { OccurringFunctions } from "./occurring_functions.ts";
import { RecordBlocks } from "./record_blocks.ts";
import type { Section } from "./sections.ts";
import type { OccurringSymbols } from "./symbols.ts";
import type { OccurringTasks } from "./task_names.ts";

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
  /** Names the functions in records, and numbers them; `null` if that is among the sections. */
  readonly functions?: OccurringFunctions | null;
  /** Names the addresses in records; `null` if none are to have names. */
  readonly symbols?: OccurringSymbols | null;
  /** Names the tasks in records, likewise. */
  readonly tasks?: OccurringTasks | null;
  /** Names the network devices in records, likewise. */
  readonly devices?: OccurringDevices | null;
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
  readonly #blocks: RecordBlocks;
  readonly #queue = new BlockQueue();
  /** What another file begins with. */
  readonly #carried = new CarriedSections();
  readonly #lost: () => number;
  readonly #rotation: Rotating | null;
  #file: BlockFile;
  #ended = false;

  constructor(options: RecordingOptions) {
    const { to, sections, lost, rotation = null } = options;
    const { functions = null, symbols = null, tasks = null, devices = null } = options;
    this.#file = new BlockFile(to, this.#queue);
    this.#lost = lost;
    this.#rotation = rotation;
    this.#blocks = new RecordBlocks({
      lost,
      functions,
      symbols,
      tasks,
      devices,
      now: options.now ?? ((): number => performance.now()),
      found: (sections) => this.#add(sections),
      block: (block) => this.#block(block),
    });
    this.#add(sections);
  }

  /** Records taken. */
  get records(): number {
    return this.#blocks.records;
  }

  /** See `RecordBlocks`. */
  get malformed(): number {
    return this.#blocks.malformed;
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
    this.#blocks.record(words, at, bytes);
  }

  /** Records were lost: see `EventSink`. */
  lost(ahead: number): void {
    this.#blocks.lost(ahead);
  }

  /** There are no more records for now: what has waited for long is written. */
  dry(): void {
    this.#queue.check();
    this.#blocks.dry();
  }

  /** Adds sections behind the records so far. */
  add(...sections: readonly Section[]): void {
    this.flush();
    this.#add(sections);
  }

  /** Ends the recording, and its last file. @param why see `RecordingEnd` */
  end(why: string): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#file.end({ time: this.#blocks.lastTime, why, lost: this.#lost() });
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
    if (!this.#ended) this.#blocks.flush();
  }

  #add(sections: readonly Section[]): void {
    for (const section of sections) this.#carried.add(section);
    this.#file.addSections(sections, this.#blocks.lastTime);
  }

  #block(block: EncodedBlock): void {
    this.#queue.check();
    this.#file.add(block);
    if (this.#rotation?.isDue(this.#file.bytes)) this.#rotate(this.#rotation);
  }

  #rotate(rotation: Rotating): void {
    const next = rotation.next();
    const { lastTime, lostTold } = this.#blocks;
    this.#file.end({ time: lastTime, why: ROTATED, lost: lostTold });
    this.#file = new BlockFile(next, this.#queue);
    this.#file.addSections(this.#carried.all(), lastTime);
  }
}
