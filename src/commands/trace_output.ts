/**
 * Prints the trace to stdout or a file.
 *
 * @module
 */

import { type ByteSink, LineWriter } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import { STANDARD_OUTPUT, takeBackFrom } from "../output/sinks.ts";
import type { TreeCounts } from "../output/summary.ts";
import type { Format, OutputView, Shown, TraceContext } from "../output/view.ts";
import type { Target } from "../probe/target.ts";
import {
  type Connection,
  connectionOf,
  connectionOfEnvironment,
  connectionsOfTerminal,
} from "../sys/connections.ts";
import { monotonicClock } from "../sys/clock.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { type DropCondition, HeldView } from "../trace/held_view.ts";
import type { SlowOutput } from "../trace/tracer.ts";
import { PacketTable } from "../trace/packets.ts";
import { CallTree } from "../trace/tree.ts";
import type { TracePrinter } from "./running_trace.ts";

const STDOUT = 1;
/** Milliseconds to wait for the reader of a FIFO before informing the user. */
const PATIENCE_MS = 1000;

/** The destination of the trace. */
export interface Output extends Disposable {
  readonly sink: ByteSink;
  readonly name: string;
  /** Whether the output may cross a network: a pipe, a socket, a terminal. */
  readonly canTravel: boolean;
  /** The connections that carry it, as far as they can be determined. */
  connections(): Connection[];
  /** Discards the previous contents of a file. */
  begin(): void;
}

/** The user interrupted opening the output. */
export class OpenCancelled extends Error {
  override readonly name = "OpenCancelled";
}

/**
 * Opens stdout or a file; disposing closes the file. An existing file keeps its contents until
 * {@linkcode Output.begin}.
 *
 * @param stop aborted to stop waiting: a FIFO cannot be opened before it has a reader
 * @throws {OpenCancelled} if `stop` is aborted
 * @throws {Failure} if it cannot be opened
 */
export async function openOutput(
  path: string | null,
  log: Log,
  stop: AbortSignal,
): Promise<Output> {
  if (path === null) {
    const nothing = (): void => {};
    return {
      sink: STANDARD_OUTPUT,
      name: "standard output",
      canTravel: canTravel(Deno.statSync("/proc/self/fd/1"), Deno.stdout.isTerminal()),
      connections: connectionsOfStdout,
      begin: nothing,
      [Symbol.dispose]: nothing,
    };
  }
  const name = `"${printable(path)}"`;
  try {
    return new FileOutput(await open(path, name, log, stop), name);
  } catch (cause) {
    if (cause instanceof OpenCancelled) throw cause;
    throw new Failure("output", `Cannot open ${name} for writing: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** The destination of a trace that only counts. */
export function noOutput(): Output {
  const nothing = (): void => {};
  return {
    sink: { write: ({ length }) => Promise.resolve(length) },
    name: "nothing",
    canTravel: false,
    connections: () => [],
    begin: nothing,
    [Symbol.dispose]: nothing,
  };
}

/** Opens a file in another thread, as that may block forever. */
async function open(
  path: string,
  name: string,
  log: Log,
  stop: AbortSignal,
): Promise<Deno.FsFile> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = (): void => reject(new OpenCancelled());
  stop.addEventListener("abort", cancel);
  if (stop.aborted) cancel();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    // Not for others: Deno sets up timers on first use, which is a thirtieth of a start.
    if (await Promise.race([isFifo(path), promise])) {
      timer = setTimeout(
        () => log.info(`Waiting until somebody reads ${name}: Ctrl-C ends that`),
        PATIENCE_MS,
      );
    }
    return await Promise.race([Deno.open(path, { write: true, create: true }), promise]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
    stop.removeEventListener("abort", cancel);
  }
}

/** Asks in another thread, too: the file system may not answer. */
async function isFifo(path: string): Promise<boolean> {
  try {
    return Boolean((await Deno.stat(path)).isFifo);
  } catch {
    return false;
  }
}

function canTravel({ isFifo, isSocket }: Deno.FileInfo, isTerminal: boolean): boolean {
  return Boolean(isFifo) || Boolean(isSocket) || isTerminal;
}

/** The connection of stdout if it is a socket, or those of its terminal. */
function connectionsOfStdout(): Connection[] {
  const socket = connectionOf(STDOUT);
  if (socket !== null) return [socket];
  if (!Deno.stdout.isTerminal()) return [];
  const found = connectionsOfTerminal();
  // Under tmux, for example, sshd is not an ancestor.
  const told = connectionOfEnvironment(Deno.env.get("SSH_CONNECTION") ?? "");
  return found.length > 0 || told === null ? found : [told];
}

/** Tells the user what a trace waits for that has ended. */
export function sayWaiting(log: Log, { name }: Pick<Output, "name">, rest = "the rest"): void {
  log.info(
    `All probes are detached; waiting until ${name} takes ${rest}: Ctrl-C gives that up`,
  );
}

/** A file as output. */
class FileOutput implements Output, ByteSink {
  readonly sink = this;
  readonly canTravel: boolean;

  constructor(readonly file: Deno.FsFile, readonly name: string) {
    // Deno does not allow these calls during a write.
    this.canTravel = canTravel(file.statSync(), file.isTerminal());
  }

  /** None: the terminal's packets are traced if the output goes to a file. */
  connections(): Connection[] {
    return [];
  }

  begin(): void {
    try {
      if (this.file.statSync().isFile) this.file.truncateSync();
    } catch (cause) {
      throw new Failure("output", `Cannot empty ${this.name}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.file.write(bytes);
  }

  takeBack(bytes: number): void {
    takeBackFrom(this.file, bytes);
  }

  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }
}

/** @throws {Failure} `usage` if what is no text would go to a terminal */
export function requireNoTerminal(
  output: string | null,
  { isBinary }: Pick<Format, "isBinary">,
): void {
  if (!isBinary || output !== null || !Deno.stdout.isTerminal()) return;
  throw new Failure(
    "usage",
    "Cannot write this format to a terminal: name a file (-o FILE), or write to a pipe",
  );
}

/** What of a trace is printed. */
export interface Shows {
  /** Number of rows; `null` for no limit. */
  readonly limit: number | null;
  /** Whether only packets are shown of which a record says that they match; `false` by default. */
  readonly conditional?: boolean;
  /** If given, only packets are shown that are dropped. */
  readonly drops?: DropCondition | null;
  /** Reasons for which vrouter drops packets, in words by their number. */
  readonly reasons?: (number: number) => string;
  /** What is shown of calls besides their names; nothing by default. */
  readonly shown?: Shown;
  /** Likewise those of the kernel. */
  readonly kernelReasons?: (number: number) => string;
  /** Nanoseconds of CLOCK_MONOTONIC, which records have; by default the kernel's. */
  readonly clock?: () => number;
  /** Of more packets than those of the trace, as that of `PacketTable`. */
  readonly numbers?: PacketTable;
  /** What formats of other programs need besides. */
  readonly more?: Pick<
    TraceContext,
    "origin" | "sightings" | "spool" | "journeys" | "calls" | "missing"
  >;
}

/** Prints the trace in a format. */
export class Printer implements TracePrinter, SlowOutput {
  readonly output = this;
  readonly #tree: CallTree;
  /** In front of the view, if only packets that match conditions are shown. */
  readonly #held: HeldView | null;
  readonly #clock: () => number;
  readonly #view: OutputView;
  readonly #writer: LineWriter;
  readonly #to: Output;
  readonly #log: Log;
  /** Lines in front of the first event. */
  #header = 0;
  #hasEnded = false;

  /** @param log told what keeps the user waiting */
  constructor(
    to: Output,
    format: Format,
    targets: readonly Pick<Target, "name">[],
    log: Log,
    shows: Shows,
  ) {
    // Without lines there is none to take back.
    const sink = format.isBinary ? { write: (bytes: Uint8Array) => to.sink.write(bytes) } : to.sink;
    this.#writer = new LineWriter(sink, to.name);
    const packets = new PacketTable(shows.numbers);
    const functions = targets.map(({ name }) => name);
    const { reasons, shown, kernelReasons, more } = shows;
    const context = { ...more, functions, packets, reasons, shown, kernelReasons };
    this.#view = format.open(this.#writer, context);
    this.#to = to;
    this.#log = log;
    this.#clock = shows.clock ?? monotonicClock();
    const { drops = null } = shows;
    const options = { limit: shows.limit ?? Infinity };
    const durations = (format.durations || shows.shown?.items.has("duration")) ?? false;
    this.#held = shows.conditional || drops !== null
      ? new HeldView(this.#view, packets, targets.length, { ...options, drops })
      : null;
    this.#tree = this.#held === null
      ? new CallTree(this.#view, targets.length, { ...options, packets, durations })
      : new CallTree(this.#held, targets.length, { durations });
  }

  /** Counts of what is shown. */
  get shown(): TreeCounts {
    const { malformed } = this.#tree;
    const { calls, functions, abandoned, packets } = this.#held ?? this.#tree;
    const orphans = this.#held === null ? this.#tree.orphans : 0;
    const { undecided, unmatched } = this.#held ?? { undecided: 0, unmatched: 0 };
    return { calls, functions, abandoned, orphans, malformed, packets, undecided, unmatched };
  }

  /** Number of rows written, without the header. */
  get rows(): number {
    return Math.max(0, this.#writer.written - this.#header);
  }

  /** Writes the header. */
  begin(): void {
    this.#to.begin();
    this.#header = this.#view.begin();
    this.#writer.flush();
  }

  get canFeed(): boolean {
    return this.#to.canTravel;
  }

  hold(held: boolean): void {
    this.#writer.held = held;
  }

  get full(): boolean {
    return (this.#held ?? this.#tree).full;
  }

  get done(): boolean {
    return (this.#held ?? this.#tree).done;
  }

  get blocked(): boolean {
    return this.#writer.blocked;
  }

  get pending(): boolean {
    return this.#writer.pending;
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    this.#tree.record(words, at, bytes);
  }

  lost(ahead: number): void {
    this.#tree.lost(ahead);
    this.#view.lost?.(ahead);
  }

  dry(): void {
    this.#held?.expire(this.#clock());
    this.#writer.flush();
  }

  progress(): Promise<void> {
    return this.#writer.progress();
  }

  /** Closes all open calls, and flushes. */
  finish(): void {
    this.#tree.finish();
    this.#held?.finish();
    this.#writer.flush();
  }

  /** Writes what stands behind the last event, no faster than it is taken. */
  async #end(cut: AbortSignal): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const wake = Promise.withResolvers<void>();
    cut.addEventListener("abort", () => wake.resolve(), { once: true });
    for await (const _ of this.#view.end?.() ?? []) {
      while (this.#writer.blocked && !cut.aborted) {
        await Promise.race([this.#writer.progress(), wake.promise]);
      }
      if (cut.aborted) return;
    }
  }

  waiting(): void {
    sayWaiting(this.#log, this.#to, "the rest of the trace");
  }

  async close(cut: AbortSignal): Promise<void> {
    this.finish();
    await this.#end(cut);
    await this.#writer.finish(cut);
  }
}
