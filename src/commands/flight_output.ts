/**
 * Feeds a flight recorder with what a trace records, and tells of its recordings.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import type { FlightFolder } from "../recording/flight_folder.ts";
import {
  type FlightCounts,
  type FlightOptions,
  FlightRecorder,
  type FlightRecording,
  type Trigger,
} from "../recording/flight_recorder.ts";
import type { Section } from "../recording/sections.ts";
import { counted } from "../sys/amount.ts";
import type { Drop } from "../trace/drop.ts";
import { DROPPED, NOTHING, type Triggers } from "../trace/triggers.ts";
import type { SlowOutput } from "../trace/tracer.ts";
import type { PacketFollower } from "./packet_follower.ts";
import { occurringSymbols, occurringTasks, Turns } from "./record_output.ts";
import type { TracePrinter } from "./running_trace.ts";

const NS_PER_MS = 1e6;
const NO_COUNTS: FlightCounts = {
  triggers: 0,
  recordings: 0,
  bytes: 0,
  recorded: 0,
  suppressed: 0,
  failed: 0,
};

/** What a flight recorder is fed with. */
export interface FlightPrinterOptions
  extends Omit<FlightOptions, "sections" | "over" | "symbols" | "tasks" | "folder"> {
  readonly folder: FlightFolder;
  /** Makes what a recording starts with, once recording has begun. */
  readonly first: () => readonly Section[];
  /** Makes what has to be added now and then; called every few seconds. */
  readonly more: (isRegular: boolean) => readonly Section[];
  readonly triggers: Triggers;
  /** Whether lost events are a trigger. */
  readonly loss: boolean;
  /** A drop by its record; `null` if that is damaged. */
  readonly drop: (record: Uint32Array) => Drop | null;
  /** Follows the packets; `null` if nobody asks for that. */
  readonly packets?: Omit<PacketFollower, "counts"> | null;
  readonly log: Log;
}

/** Keeps what a trace records, and writes it around triggers. */
export class FlightPrinter implements TracePrinter, SlowOutput {
  readonly output = this;
  // Its output is never slow, and has no end.
  readonly canFeed = false;
  readonly full = false;
  readonly done = false;
  readonly blocked = false;
  readonly #with: FlightPrinterOptions;
  readonly #turns = new Turns();
  #recorder: FlightRecorder | null = null;
  #isFinished = false;
  // The record of the present trigger.
  #words: Uint32Array = new Uint32Array();
  #at = 0;
  #length = 0;

  constructor(options: FlightPrinterOptions) {
    this.#with = options;
  }

  /** Final counts: what is not yet written is given up. */
  settle(): FlightCounts {
    this.#recorder?.cut();
    return this.#recorder?.counts ?? NO_COUNTS;
  }

  get pending(): boolean {
    return this.#recorder?.pending ?? false;
  }

  hold(): void {}

  begin(): void {
    this.#turns.begin();
    this.#recorder = new FlightRecorder({
      ...this.#with,
      // They are asked for when a file begins.
      sections: this.#with.first().filter(({ name }) => name !== "nexthops"),
      symbols: occurringSymbols(),
      tasks: occurringTasks(),
      over: (recording) => this.#tell(recording),
    });
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    const recorder = this.#recorder;
    if (recorder === null) return;
    const { triggers } = this.#with;
    const found = triggers.note(words, at, bytes);
    recorder.record(words, at, bytes);
    this.#with.packets?.record(words, at, bytes);
    if (found === NOTHING) return;
    this.#words = words;
    this.#at = at;
    this.#length = bytes / 4;
    recorder.trigger(triggers.at, triggers.from, found === DROPPED ? this.#drop : this.#slow);
  }

  lost(ahead: number): void {
    this.#recorder?.lost(ahead);
    this.#with.packets?.lost(ahead);
    if (this.#with.loss) this.#now(this.#loss, false);
  }

  /** The user wants a recording of what there is. @returns false before {@linkcode begin} */
  ask(): boolean {
    this.#now(this.#signal, true);
    return this.#recorder !== null;
  }

  dry(): void {
    this.#recorder?.dry();
    this.#with.packets?.expire(this.#with.clock());
  }

  /** Called at least every tenth of a second. */
  turn(): void {
    const sections = this.#with.more(this.#turns.isDue());
    if (sections.length > 0) this.#recorder?.add(...sections);
  }

  progress(): Promise<void> {
    return this.#recorder?.progress() ?? Promise.resolve();
  }

  finish(): void {
    this.#recorder?.finish();
    if (!this.#isFinished) this.#with.packets?.finish();
    this.#isFinished = true;
  }

  waiting(): void {
    this.#with.log.info(
      "All probes are detached; waiting until the last recording is written: Ctrl-C gives that up",
    );
  }

  async close(cut: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    cut.addEventListener("abort", () => resolve(), { once: true });
    this.finish();
    while (this.pending && !cut.aborted) await Promise.race([this.progress(), promise]);
  }

  #now(tell: () => Trigger, isAsked: boolean): void {
    const now = this.#with.clock();
    this.#recorder?.trigger(now, now, tell, isAsked);
  }

  readonly #drop = (): Trigger => {
    const record = this.#words.slice(this.#at, this.#at + this.#length);
    const drop = this.#with.drop(record);
    const words = drop === null
      ? ""
      : ` ${drop.reason.label || drop.reason.name}${drop.cause === null ? "" : `: ${drop.cause}`}`;
    return { kind: "drop", why: `drop${words}` };
  };

  readonly #slow = (): Trigger => {
    const { at, from } = this.#with.triggers;
    return { kind: "slower", why: `slower (${((at - from) / NS_PER_MS).toFixed(3)} ms)` };
  };

  readonly #loss = (): Trigger => ({ kind: "loss", why: "loss" });

  readonly #signal = (): Trigger => ({ kind: "signal", why: "SIGUSR1" });

  #tell({ name, records, bytes, triggers, why, state, error }: FlightRecording): void {
    const { log } = this.#with;
    if (error !== null) log.info(error.message);
    if (name === "") return;
    const others = triggers > 1 ? ` and ${counted(triggers - 1, "more trigger")}` : "";
    const what = `${name}, for ${why}${others}: ${counted(records, "event")}, ${
      counted(bytes, "byte")
    }`;
    log.info(`${LEAD[state]} ${what}${LACKS[state]}`);
  }
}

const LEAD: Readonly<Record<FlightRecording["state"], string>> = {
  whole: "Recorded",
  failed: "Not all is recorded in",
  full: "Not all is recorded in",
  overtaken: "Not all is recorded in",
};

const LACKS: Readonly<Record<FlightRecording["state"], string>> = {
  whole: "",
  failed: "",
  full: "; --max-disk leaves no more room",
  overtaken: "; the disk is too slow: a larger --ring can wait longer",
};
