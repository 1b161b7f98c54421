/**
 * A flight recorder: keeps the latest blocks of a trace in memory, and writes those around a trigger to a file
 * of its own. It goes on meanwhile: files are written in another thread, a block at a time out of the ring, so
 * what it keeps has a bound however slow the disk is, and however long it runs.
 *
 * @module
 */

import type { RecordSink } from "../probe/record.ts";
import { Failure } from "../sys/failure.ts";
import { type BlockAbout, BlockFile, type EncodedBlock, sectionBlocks } from "./block_file.ts";
import { BlockQueue, type NamedFile } from "./block_queue.ts";
import { BlockRing } from "./block_ring.ts";
import { CarriedSections } from "./carried_sections.ts";
import { HEAD_BYTES } from "./format.ts";
import { RecordBlocks } from "./record_blocks.ts";
import { readSections, type RecordedTrigger, type Section } from "./sections.ts";
import type { OccurringDevices } from "./device_names.ts";
import type { OccurringFunctions } from "./occurring_functions.ts";
import type { OccurringSymbols } from "./symbols.ts";
import type { OccurringTasks } from "./task_names.ts";
import { decompress } from "./zstd.ts";

/** Files that are written at the same time, at most: one goes on, others wait for the disk. */
const MAX_FLIGHTS = 3;
/** A file ends at most so many times `after` behind its first trigger. */
const MAX_EXTENSION = 3;
/** Triggers that a file names. */
const MAX_TOLD = 100;
/** Bytes kept free for a file's last sections. */
const END_BYTES = 16 << 10;
/** Nanoseconds after which the name of a task is asked for again. */
const NAME_NS = 60e9;
const MS_PER_NS = 1e-6;

/** The kinds of triggers. */
export const TRIGGER_KINDS = ["drop", "slower", "loss", "signal"] as const;

/** One of {@linkcode TRIGGER_KINDS}. */
export type TriggerKind = typeof TRIGGER_KINDS[number];

/** What has triggered a recording. */
export interface Trigger {
  readonly kind: TriggerKind;
  /** In words: see `RecordedTrigger`. */
  readonly why: string;
}

/** Where recordings go. All of its methods throw a `Failure` if the folder cannot be used. */
export interface RecordingFolder {
  /** Opens a new file. @param wall milliseconds since 1970 of the trigger */
  open(kind: TriggerKind, wall: number): NamedFile;
  /** Makes room for further bytes. @returns false if there is none */
  makeRoom(bytes: number): boolean;
  /** So many bytes are on their way to a file. */
  grow(file: NamedFile, bytes: number): void;
  /** Nothing more is written to a file. @param isEmpty whether it is of no use to anybody */
  finish(file: NamedFile, isEmpty: boolean): void;
}

/** A recording that is over. */
export interface FlightRecording {
  /** In messages. */
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  /** Triggers that it is for, and what the first was. */
  readonly triggers: number;
  readonly why: string;
  /** What it lacks: it is all there, the disk or `--max-disk` was full, or the ring overtook its writing. */
  readonly state: "whole" | "failed" | "full" | "overtaken";
  /** If it failed. */
  readonly error: Failure | null;
}

/** Counts of a flight recorder. Each trigger is one of the last three, or of a file that is being written. */
export interface FlightCounts {
  readonly triggers: number;
  /** Files that have all that they should, and bytes of all files. */
  readonly recordings: number;
  readonly bytes: number;
  /** Triggers of such files. */
  readonly recorded: number;
  /** Too soon after another one. */
  readonly suppressed: number;
  /** Of files that could not be opened, or lack something. */
  readonly failed: number;
}

/** What a flight recorder keeps, and when it writes. Times are nanoseconds. */
export interface FlightOptions {
  /** What is known from the start; the header is among it. */
  readonly sections: readonly Section[];
  /** Makes what is true when a file begins. */
  readonly state: () => readonly Section[];
  /** Counters that a file ends with; of `missed`, what has come since it began. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** Records lost since the start of the trace. */
  readonly lost: () => number;
  /** See `RecordingOptions`. */
  readonly symbols?: OccurringSymbols | null;
  /** Names the functions in records; `null` if that is among the sections. */
  readonly functions?: OccurringFunctions | null;
  readonly tasks?: OccurringTasks | null;
  /** Names the network devices in records, likewise. */
  readonly devices?: OccurringDevices | null;
  /** Memory for blocks. */
  readonly ringBytes: number;
  /** Age at which blocks are given up; Infinity to keep what there is room for. */
  readonly ringTime: number;
  readonly before: number;
  readonly after: number;
  /** Least time between two recordings that nobody has asked for. */
  readonly every: number;
  readonly folder: RecordingFolder;
  /** The clock of records. */
  readonly clock: () => number;
  /** Told of each file that is over, or could not be opened. */
  readonly over: (recording: FlightRecording) => void;
}

/** A block in the ring. */
interface Kept {
  readonly about: BlockAbout;
  readonly what: "records" | "clocks" | "sections";
  /** Of its records. */
  readonly first: number;
  readonly last: number;
  /** Probe hits missed until then; `null` if that was not asked. */
  readonly missed: number | null;
}

/** A file that is being written. */
interface Flight {
  readonly to: NamedFile;
  readonly queue: BlockQueue;
  readonly file: BlockFile;
  /** Probe hits missed before it. */
  readonly missed: number;
  /** Time of its end, and the latest that may become. */
  until: number;
  readonly latest: number;
  /** Numbers in the ring: of the next block, and of the one before which it ends. */
  next: number;
  stop: number;
  /** Why it ends there. */
  why: string;
  state: FlightRecording["state"];
  triggers: number;
  readonly told: RecordedTrigger[];
  lost: number;
  isEnded: boolean;
  /** Whether it is looked at again after the next block. */
  isFollowed: boolean;
}

/** Records to memory, and from there to files. It is an `EventSink`, and a slow output that never blocks. */
export class FlightRecorder implements RecordSink {
  readonly #with: FlightOptions;
  readonly #blocks: RecordBlocks;
  readonly #ring: BlockRing<Kept>;
  /** What was true before the oldest block. */
  readonly #carried = new CarriedSections();
  /** Probe hits missed before that. */
  #missed = 0;
  readonly #flights: Flight[] = [];
  #lastBegun = -Infinity;
  #namesSince = 0;
  #triggers = 0;
  #recordings = 0;
  #bytes = 0;
  #recorded = 0;
  #suppressed = 0;
  #failed = 0;
  #oversized = 0;
  #awake: (() => void)[] = [];

  constructor(options: FlightOptions) {
    const { sections, lost, clock, ringBytes } = options;
    const { functions = null, symbols = null, tasks = null, devices = null } = options;
    this.#with = options;
    this.#ring = new BlockRing(ringBytes, (kept, number) => this.#evicted(kept, number));
    for (const section of sections) this.#carried.add(section);
    this.#blocks = new RecordBlocks({
      lost,
      functions,
      symbols,
      tasks,
      devices,
      now: () => clock() * MS_PER_NS,
      found: (sections) => this.#keepSections(sections, "sections"),
      block: (block) => this.#keep(block, "records"),
    });
  }

  /** Records taken. */
  get records(): number {
    return this.#blocks.records;
  }

  /** Bytes of memory that the ring has. */
  get held(): number {
    return this.#ring.held;
  }

  /** Blocks that were longer than the whole ring. */
  get oversized(): number {
    return this.#oversized;
  }

  /** Counts so far. */
  get counts(): FlightCounts {
    return {
      triggers: this.#triggers,
      recordings: this.#recordings,
      bytes: this.#bytes,
      recorded: this.#recorded,
      suppressed: this.#suppressed,
      failed: this.#failed,
    };
  }

  /** True while a file is being written. */
  get pending(): boolean {
    return this.#flights.length > 0;
  }

  /** Resolves after the next block of a file, written or not. */
  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#awake.push(resolve);
    });
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    this.#blocks.record(words, at, bytes);
  }

  /** Records were lost: see `EventSink`. */
  lost(ahead: number): void {
    this.#blocks.lost(ahead);
  }

  /** There are no more records for now. */
  dry(): void {
    this.#blocks.dry();
    this.#closeIfDue(this.#with.clock());
  }

  /** Adds sections behind the records so far: a pair of clocks, or what has changed. */
  add(...sections: readonly Section[]): void {
    this.#blocks.flush();
    this.#forgetNames();
    const clocks = sections.filter(({ name }) => name === "clocks");
    const others = sections.filter(({ name }) => name !== "clocks");
    if (others.length > 0) this.#keepSections(others, "sections");
    if (clocks.length > 0) this.#keepSections(clocks, "clocks");
  }

  /**
   * Something has happened. Costs next to nothing if it makes no new recording.
   *
   * @param at when
   * @param from when that began, up to `at`: the recording has all of it, if the ring has
   * @param tell says what; called if that is of interest
   * @param isAsked whether a user wants it, however soon it is
   */
  trigger(at: number, from: number, tell: () => Trigger, isAsked = false): void {
    this.#triggers++;
    const { after, every } = this.#with;
    const open = this.#open;
    if (open !== undefined && at <= open.until) {
      open.triggers++;
      open.until = Math.max(open.until, Math.min(at + after, open.latest));
      if (open.told.length < MAX_TOLD) open.told.push({ time: time(at), why: tell().why });
      return;
    }
    if (!isAsked && at - this.#lastBegun < every) {
      this.#suppressed++;
      return;
    }
    this.#lastBegun = at;
    if (open !== undefined) this.#close(open, "triggered");
    this.#begin(at, Math.min(at, from), tell());
  }

  /** The trace has ended. */
  finish(): void {
    this.#blocks.flush();
    const open = this.#open;
    if (open !== undefined) this.#close(open, "interrupted");
  }

  /** Gives up what is not yet written. */
  cut(): void {
    for (const flight of this.#flights.slice()) this.#over(flight, null, "failed");
  }

  /** The file that goes on. */
  get #open(): Flight | undefined {
    const last = this.#flights.at(-1);
    return last?.stop === Infinity ? last : undefined;
  }

  #begin(at: number, from: number, trigger: Trigger): void {
    const { folder, state, before, after, clock } = this.#with;
    const told = [{ time: time(at), why: trigger.why }];
    if (this.#flights.length >= MAX_FLIGHTS) {
      const why = "Cannot write a recording: earlier ones are still being written";
      this.#fail(trigger, new Failure("output", why));
      return;
    }
    const { next, missed, blocks } = this.#opening(from - before, [
      ...state(),
      { name: "triggers", value: told },
    ]);
    const bytes = blocks.reduce((sum, { frame }) => sum + HEAD_BYTES + frame.length, 0);
    let to: NamedFile;
    try {
      if (!folder.makeRoom(bytes + END_BYTES)) {
        throw new Failure("output", "Cannot write a recording: --max-disk leaves no room for it");
      }
      to = folder.open(trigger.kind, Date.now() + (at - clock()) * MS_PER_NS);
      folder.grow(to, bytes);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#fail(trigger, error);
      return;
    }
    const queue = new BlockQueue();
    const flight: Flight = {
      to,
      queue,
      file: new BlockFile(to, queue),
      missed,
      until: at + after,
      latest: at + MAX_EXTENSION * after,
      next,
      stop: Infinity,
      why: "triggered",
      state: "whole",
      triggers: 1,
      told,
      lost: 0,
      isEnded: false,
      isFollowed: false,
    };
    for (const block of blocks) flight.file.add(block);
    this.#flights.push(flight);
    this.#follow(flight);
  }

  /** What a file begins with that has the blocks since a time, and the number of the first of them. */
  #opening(since: number, more: readonly Section[]): {
    readonly next: number;
    readonly missed: number;
    readonly blocks: readonly EncodedBlock[];
  } {
    const ring = this.#ring;
    let next = ring.next;
    while (next > ring.oldest && ring.about(next - 1).last >= since) next--;
    let clocks = -1;
    const between: EncodedBlock[] = [];
    let missed = this.#missed;
    for (let number = ring.oldest; number < next; number++) {
      const { what } = ring.about(number);
      if (what === "sections") between.push(this.#blockOf(number));
      if (what === "clocks") clocks = number;
    }
    if (clocks >= 0) {
      between.push(this.#blockOf(clocks));
      missed = ring.about(clocks).missed ?? missed;
    }
    const first = [...this.#carried.all()].filter(({ name }) => clocks < 0 || name !== "clocks");
    const when = this.#blocks.lastTime;
    return {
      next,
      missed,
      blocks: [...sectionBlocks(first, when), ...between, ...sectionBlocks(more, when)],
    };
  }

  #blockOf(number: number): EncodedBlock {
    return { about: this.#ring.about(number).about, frame: this.#ring.copy(number) };
  }

  #closeIfDue(now: number): void {
    const open = this.#open;
    if (open !== undefined && now >= open.until) this.#close(open, "triggered");
    this.#giveUpOld(now);
  }

  /** A file ends behind what there is. */
  #close(flight: Flight, why: string): void {
    this.#blocks.flush();
    // It may have ended there.
    if (flight.stop === Infinity) {
      flight.stop = this.#ring.next;
      flight.why = why;
    }
    this.#pump(flight);
  }

  /** Writes the next block, unless one is on its way. */
  #pump(flight: Flight): void {
    if (!this.#flights.includes(flight)) return;
    const { queue } = flight;
    try {
      queue.check();
      if (!queue.pending) {
        if (flight.isEnded) {
          this.#over(flight, null, flight.state);
          return;
        }
        if (flight.next < Math.min(flight.stop, this.#ring.next)) this.#write(flight);
        if (flight.next >= flight.stop) this.#end(flight);
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#over(flight, error, "failed");
      return;
    }
    if (queue.pending && !flight.isFollowed) this.#follow(flight);
  }

  #write(flight: Flight): void {
    const { folder } = this.#with;
    const ring = this.#ring;
    if (flight.next < ring.oldest) {
      this.#stop(flight, "overtaken");
      return;
    }
    const { about, first, what } = ring.about(flight.next);
    if (what === "records" && first > flight.until) {
      flight.stop = flight.next;
      return;
    }
    const bytes = HEAD_BYTES + about.frameBytes;
    if (!folder.makeRoom(bytes + END_BYTES)) {
      this.#stop(flight, "full");
      return;
    }
    folder.grow(flight.to, bytes);
    flight.file.add(this.#blockOf(flight.next));
    flight.lost += about.lost;
    flight.next++;
  }

  #stop(flight: Flight, state: "full" | "overtaken"): void {
    flight.stop = flight.next;
    flight.why = flight.state = state;
  }

  #end(flight: Flight): void {
    const { file, told, missed, lost, why, to } = flight;
    const when = this.#blocks.lastTime;
    const counts = this.#with.counts();
    const values = { ...counts, lost, missed: (counts["missed"] ?? 0) - missed };
    const { bytes } = file;
    // The first is at the beginning.
    if (told.length > 1) file.addSections([{ name: "triggers", value: told.slice(1) }], when);
    file.addSections([{ name: "counters", value: { time: when, of: "vrft", values } }], when);
    file.end({ time: when, why, lost });
    this.#with.folder.grow(to, file.bytes - bytes);
    flight.isEnded = true;
  }

  /** Nothing more is written to a file. */
  #over(flight: Flight, error: Failure | null, state: FlightRecording["state"]): void {
    this.#flights.splice(this.#flights.indexOf(flight), 1);
    const { to, queue, triggers, told, isEnded } = flight;
    // The queue has closed it behind its last block.
    if (error !== null || !isEnded || queue.pending) to.file.close?.();
    const { records, written } = queue;
    try {
      this.#with.folder.finish(to, records === 0 && state === "failed");
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      error ??= failure;
    }
    this.#bytes += written;
    if (state === "whole") {
      this.#recordings++;
      this.#recorded += triggers;
    } else this.#failed += triggers;
    const { why } = told[0]!;
    this.#with.over({ name: to.name, records, bytes: written, triggers, why, state, error });
    this.#wake();
  }

  /** A file cannot be opened. */
  #fail({ why }: Trigger, error: Failure): void {
    this.#failed++;
    this.#with.over({ name: "", records: 0, bytes: 0, triggers: 1, why, state: "failed", error });
  }

  #follow(flight: Flight): void {
    flight.isFollowed = true;
    void flight.queue.progress().then(() => {
      flight.isFollowed = false;
      this.#pump(flight);
      this.#wake();
    });
  }

  #wake(): void {
    const awake = this.#awake;
    this.#awake = [];
    for (const resolve of awake) resolve();
  }

  #keepSections(sections: readonly Section[], what: "clocks" | "sections"): void {
    for (const block of sectionBlocks(sections, this.#blocks.lastTime)) this.#keep(block, what);
  }

  #keep({ about, frame }: EncodedBlock, what: Kept["what"]): void {
    const [first, last] = [Number(about.first), Number(about.last)];
    const missed = what === "clocks" ? this.#with.counts()["missed"] ?? 0 : null;
    if (!this.#ring.push({ about, what, first, last, missed }, frame)) this.#oversized++;
    for (const flight of this.#flights.slice()) this.#pump(flight);
    this.#giveUpOld(this.#with.clock());
  }

  #forgetNames(): void {
    const now = this.#with.clock();
    if (now - this.#namesSince < NAME_NS) return;
    this.#namesSince = now;
    this.#with.tasks?.forget();
  }

  /** Gives up what is too old, unless a file has yet to get it. */
  #giveUpOld(now: number): void {
    const ring = this.#ring;
    const oldest = now - this.#with.ringTime;
    const needed = Math.min(...this.#flights.map(({ next }) => next), ring.next);
    while (ring.oldest < needed && ring.about(ring.oldest).last < oldest) ring.evict();
  }

  #evicted({ about, what, missed }: Kept, number: number): void {
    if (what === "records") return;
    this.#missed = missed ?? this.#missed;
    const plain = decompress(this.#ring.copy(number), about.plainBytes);
    for (const section of readSections(plain!) ?? []) this.#carried.add(section);
  }
}

function time(at: number): bigint {
  return BigInt(Math.round(at));
}
