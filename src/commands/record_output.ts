/**
 * Writes a recording to a file, to one file after the other, or to stdout.
 *
 * @module
 */

import { OutputClosed } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import { takeBackFrom } from "../output/sinks.ts";
import type { NamedFile } from "../recording/block_queue.ts";
import type { OccurringDevices } from "../recording/device_names.ts";
import type { OccurringFunctions } from "../recording/occurring_functions.ts";
import { Rotation } from "../recording/rotation.ts";
import type { Section } from "../recording/sections.ts";
import { OccurringSymbols } from "../recording/symbols.ts";
import { OccurringTasks } from "../recording/task_names.ts";
import { RecordingWriter } from "../recording/writer.ts";
import { Failure } from "../sys/failure.ts";
import { exists } from "../sys/files.ts";
import type { SlowOutput, TraceCounts } from "../trace/tracer.ts";
import type { TracePrinter } from "./running_trace.ts";
import { type Output, sayWaiting } from "./trace_output.ts";

/** Milliseconds between pairs of clocks. */
const CLOCK_MS = 5000;

/** When files end: see `RotationOptions`. */
export interface RotateChoice {
  readonly bytes: number | null;
  readonly ms: number | null;
  readonly keep: number | null;
}

/** Where a recording goes, and what it has. */
export interface RecordingPrinterOptions {
  readonly to: Output;
  /** Opens the files, instead of `to`; `null` for one. */
  readonly rotation: Rotation | null;
  /** Names the functions in records; by default that is among the following. */
  readonly functions?: OccurringFunctions;
  /** Names the network devices in records. */
  readonly devices?: OccurringDevices;
  /** Makes what the recording starts with. */
  readonly first: () => readonly Section[];
  /**
   * Makes what has to be added; called at least every tenth of a second.
   *
   * @param isRegular whether some seconds are over
   */
  readonly more: (isRegular: boolean) => readonly Section[];
  /** The module's drop counters, as `DropStatsReader` reads them; `null` if they are of other packets, too. */
  readonly readings?: { turn(): void; dry(): readonly Section[] } | null;
  /** Makes what it ends with, once all events have been passed on. */
  readonly last: () => readonly Section[];
  readonly counts: () => TraceCounts;
  /** Number of events after which to end; `null` for no limit. */
  readonly limit: number | null;
  readonly log: Log;
}

/** Says when sections are to be added. */
export class Turns {
  #due = 0;

  /** Recording has begun. */
  begin(): void {
    this.#due = performance.now() + CLOCK_MS;
  }

  /** Whether that is the case; called at least every tenth of a second. */
  isDue(): boolean {
    const time = performance.now();
    if (time < this.#due) return false;
    this.#due = time + CLOCK_MS;
    return true;
  }
}

/** Names addresses by the symbols of this kernel. */
export function occurringSymbols(): OccurringSymbols {
  return new OccurringSymbols(() => Deno.readFileSync("/proc/kallsyms"));
}

/** Names the tasks of this machine; `null` if records have other numbers of them. */
export function occurringTasks(): OccurringTasks | null {
  return seesAllTasks() ? new OccurringTasks() : null;
}

/** Writes what a trace records. */
export class RecordingPrinter implements TracePrinter, SlowOutput {
  readonly output = this;
  readonly #with: RecordingPrinterOptions;
  readonly #limit: number;
  readonly #turns = new Turns();
  #writer: RecordingWriter | null = null;
  #held = false;
  #hasFailed = false;
  #taken = 0;
  #isFinished = false;

  constructor(options: RecordingPrinterOptions) {
    this.#with = options;
    this.#limit = options.limit ?? Infinity;
  }

  /** Events that are in the files, and the length of those. */
  get written(): { readonly records: number; readonly bytes: number } {
    return { records: this.#writer?.written ?? 0, bytes: this.#writer?.writtenBytes ?? 0 };
  }

  get canFeed(): boolean {
    return this.#with.to.canTravel;
  }

  hold(held: boolean): void {
    this.#held = held;
  }

  get full(): boolean {
    return this.#taken >= this.#limit;
  }

  get done(): boolean {
    return this.#taken >= this.#limit;
  }

  get blocked(): boolean {
    return this.#held || (this.#writer?.blocked ?? false);
  }

  get pending(): boolean {
    return this.#writer?.pending ?? false;
  }

  begin(): void {
    const { to, rotation, first, counts } = this.#with;
    to.begin();
    const file: NamedFile = rotation?.next() ?? { file: to.sink, name: to.name };
    this.#turns.begin();
    this.#writer = new RecordingWriter({
      to: file,
      sections: first(),
      functions: this.#with.functions ?? null,
      lost: () => counts().lost,
      symbols: occurringSymbols(),
      tasks: occurringTasks(),
      devices: this.#with.devices ?? null,
      rotation,
    });
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    if (this.#taken >= this.#limit) return;
    this.#taken++;
    this.#writing((writer) => writer.record(words, at, bytes));
  }

  lost(ahead: number): void {
    this.#writing((writer) => writer.lost(ahead));
  }

  dry(): void {
    this.#writing((writer) => writer.dry());
    this.#add(this.#with.readings?.dry() ?? []);
  }

  /** Called at least every tenth of a second. */
  turn(): void {
    this.#with.readings?.turn();
    this.#add(this.#with.more(this.#turns.isDue()));
  }

  progress(): Promise<void> {
    return this.#writer?.progress() ?? Promise.resolve();
  }

  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#writing((writer) => {
      writer.flush();
      const counts = this.#with.counts();
      writer.add(...this.#with.more(true), ...this.#with.last(), {
        name: "counters",
        value: { time: 0n, of: "vrft", values: flat(counts) },
      });
      writer.end(
        this.#hasFailed ? "failed" : this.#taken >= this.#limit ? "limit" : "interrupted",
      );
    });
  }

  waiting(): void {
    sayWaiting(this.#with.log, this.#with.to);
  }

  async close(cut: AbortSignal): Promise<void> {
    this.#hasFailed = true;
    try {
      this.finish();
      await this.#writer?.settle(cut);
    } catch (error) {
      // Whatever ended the trace is what the user has to know.
      if (!(error instanceof Failure || error instanceof OutputClosed)) throw error;
    }
  }

  #add(sections: readonly Section[]): void {
    if (sections.length > 0) this.#writing((writer) => writer.add(...sections));
  }

  /** @throws {OutputClosed} if nobody reads any more */
  #writing(action: (writer: RecordingWriter) => void): void {
    if (this.#writer === null) return;
    try {
      action(this.#writer);
    } catch (error) {
      if (error instanceof Failure && error.cause instanceof Deno.errors.BrokenPipe) {
        throw new OutputClosed(`Nobody reads ${this.#with.to.name} any more`, { cause: error });
      }
      throw error;
    }
  }
}

/** Opens the files of a recording that goes to several. @throws {Failure} if the folder cannot be read */
export function rotationTo(path: string, { bytes, ms, keep }: RotateChoice): Rotation {
  return new Rotation({
    path,
    bytes,
    ms,
    keep,
    open: (name): NamedFile["file"] => openNew(name),
  });
}

/**
 * Opens a file that is not there yet: it follows no link, and empties nothing.
 *
 * @param mode its permissions; by default what the umask leaves of reading and writing
 * @throws {Error} Deno's, if there is something of that name
 */
export function openNew(path: string, mode = 0o666): NamedFile["file"] {
  const file = Deno.openSync(path, { write: true, createNew: true, mode });
  return {
    write: (part) => file.write(part),
    takeBack: (count) => takeBackFrom(file, count),
    close: () => file.close(),
  };
}

/** Whether thread ids in records are those of /proc: not in another pid namespace. */
function seesAllTasks(): boolean {
  // Only the initial namespace has this inode.
  try {
    return Deno.statSync("/proc/self/ns/pid").ino === 0xeffffffc && exists("/proc/2/comm");
  } catch {
    return false;
  }
}

function flat({ packets, ...counts }: TraceCounts): Record<string, number> {
  return { ...counts, ...packets };
}
