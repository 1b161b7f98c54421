/**
 * Takes the records of a trace, as any consumer does, and makes blocks of them.
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
import { type EncodedBlock, recordsBlock } from "./block_file.ts";
import { RecordEncoder } from "./encoder.ts";
import type { OccurringDevices } from "./device_names.ts";
import type { OccurringFunctions } from "./occurring_functions.ts";
import type { Section } from "./sections.ts";
import type { OccurringSymbols } from "./symbols.ts";
import type { OccurringTasks } from "./task_names.ts";

/** Milliseconds after which records are written though their block is not full: what a kill may lose. */
export const FLUSH_MS = 500;

/** What records are made blocks with. */
export interface RecordBlocksOptions {
  /** Records lost since the start of the trace; asked for when some were. */
  readonly lost: () => number;
  /** Names the functions in records, and numbers them; `null` if they have names already. */
  readonly functions: OccurringFunctions | null;
  /** Names the addresses in records; `null` if none are to have names. */
  readonly symbols: OccurringSymbols | null;
  /** Names the tasks in records, likewise. */
  readonly tasks: OccurringTasks | null;
  /** Names the network devices in records, likewise. */
  readonly devices: OccurringDevices | null;
  /** Milliseconds of any clock that does not go back. */
  readonly now: () => number;
  /** Receives what the block that follows refers to. */
  readonly found: (sections: readonly Section[]) => void;
  /** Receives a block. */
  readonly block: (block: EncodedBlock) => void;
}

/** Makes blocks of records. */
export class RecordBlocks implements RecordSink {
  readonly #with: RecordBlocksOptions;
  readonly #encoder: RecordEncoder;
  readonly #symbols: OccurringSymbols | null;
  readonly #tasks: OccurringTasks | null;
  readonly #devices: OccurringDevices | null;
  #lastTime = 0n;
  #records = 0;
  #malformed = 0;
  #lostTold = 0;
  #lostBefore = 0;
  /** When {@linkcode dry} first saw the present block; -1 if it has not. */
  #since = -1;

  constructor(options: RecordBlocksOptions) {
    this.#with = options;
    this.#encoder = new RecordEncoder(options.functions);
    this.#symbols = options.symbols;
    this.#tasks = options.tasks;
    this.#devices = options.devices;
  }

  /** Records in blocks so far. */
  get records(): number {
    return this.#records;
  }

  /** Records whose length is not what they say, which the ring never has; they are left out. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Records lost, as far as blocks tell. */
  get lostTold(): number {
    return this.#lostTold;
  }

  /** Greatest time of the last block; 0 without any. */
  get lastTime(): bigint {
    return this.#lastTime;
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
      this.#devices?.note(words, at, bytes);
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
    this.#lostTold = this.#with.lost();
    this.#encoder.addLoss(ahead, this.#lostTold);
    if (this.#encoder.full) this.flush();
  }

  /** There are no more records for now: what is older than {@linkcode FLUSH_MS} becomes a block. */
  dry(): void {
    if (this.#encoder.empty) return;
    const now = this.#with.now();
    if (this.#since < 0) this.#since = now;
    else if (now - this.#since >= FLUSH_MS) this.flush();
  }

  /** Makes a block of the records so far. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder.empty) return;
    this.#since = -1;
    const found: Section[] = this.#with.functions?.take() ?? [];
    const symbols = this.#symbols?.take() ?? [];
    if (symbols.length > 0) found.push({ name: "symbols", value: symbols });
    const tasks = this.#tasks?.take() ?? [];
    if (tasks.length > 0) found.push({ name: "tasks", value: tasks });
    const devices = this.#devices?.take() ?? [];
    if (devices.length > 0) found.push({ name: "devices", value: devices });
    // In front of the records that refer to them.
    if (found.length > 0) this.#with.found(found);
    const { records, first, last } = encoder;
    if (records > 0) this.#lastTime = last;
    const lost = this.#lostTold - this.#lostBefore;
    this.#lostBefore = this.#lostTold;
    this.#records += records;
    this.#with.block(recordsBlock(encoder.take(), { records, lost, first, last }));
  }
}
