/**
 * Where a trace goes, and in which form.
 *
 * @module
 */

import { type ByteSink, LineWriter } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import { STANDARD_OUTPUT, takeBackFrom } from "../output/sinks.ts";
import { TextSink } from "../output/text.ts";
import type { Target } from "../probe/target.ts";
import {
  type Connection,
  connectionOf,
  connectionOfEnvironment,
  connectionsOfTerminal,
} from "../sys/connections.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { Consumer, SlowOutput } from "../trace/tracer.ts";
import { CallTree } from "../trace/tree.ts";

/** The header's. */
const HEADER_LINES = 1;
const STDOUT = 1;
/** Milliseconds of waiting for the reader of a FIFO, after which the user is told. */
const PATIENCE_MS = 1000;

/** Where the trace goes. */
export interface Output extends Disposable {
  readonly sink: ByteSink;
  readonly name: string;
  /** Whether what is written may go over a network: a pipe, a socket, a terminal. */
  readonly canTravel: boolean;
  /** The connections that it goes over, as far as that can be told. */
  connections(): Connection[];
  /** Takes the place of what was there before. */
  begin(): void;
}

/** The user gave up waiting until the output could be opened. */
export class OpenCancelled extends Error {
  override readonly name = "OpenCancelled";
}

/**
 * stdout, or the file asked for; disposing closes a file. What is in a file stays until
 * {@linkcode Output.begin}.
 *
 * @param stop aborted when the user wants out: a FIFO is open only once it has a reader
 * @throws {OpenCancelled} when the user wanted out
 * @throws {Failure} when it cannot be opened
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

/** Opens a file, which can take for ever, in another thread. */
async function open(
  path: string,
  name: string,
  log: Log,
  stop: AbortSignal,
): Promise<Deno.FsFile> {
  const opening = Deno.open(path, { write: true, create: true });
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = (): void => reject(new OpenCancelled());
  stop.addEventListener("abort", cancel);
  if (stop.aborted) cancel();
  const timer = setTimeout(
    () => log.info(`Waiting until somebody reads ${name}: Ctrl-C ends that`),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([opening, promise]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", cancel);
  }
}

function canTravel({ isFifo, isSocket }: Deno.FileInfo, isTerminal: boolean): boolean {
  return Boolean(isFifo) || Boolean(isSocket) || isTerminal;
}

/** Those of its socket, or of the ssh session whose terminal it is. */
function connectionsOfStdout(): Connection[] {
  const socket = connectionOf(STDOUT);
  if (socket !== null) return [socket];
  if (!Deno.stdout.isTerminal()) return [];
  const found = connectionsOfTerminal();
  // In tmux, say, the terminal's server is no ancestor.
  const told = connectionOfEnvironment(Deno.env.get("SSH_CONNECTION") ?? "");
  return found.length > 0 || told === null ? found : [told];
}

/** A file that the trace goes to. */
class FileOutput implements Output, ByteSink {
  readonly sink = this;
  readonly canTravel: boolean;

  constructor(readonly file: Deno.FsFile, readonly name: string) {
    // Deno lets nobody ask while something is being written.
    this.canTravel = canTravel(file.statSync(), file.isTerminal());
  }

  /** Whoever names a file wants to see the packets of the terminal. */
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

/** Prints a trace as call trees. */
export class Printer implements Consumer, SlowOutput {
  readonly output = this;
  readonly tree: CallTree;
  readonly #sink: TextSink;
  readonly #writer: LineWriter;
  readonly #to: Output;
  readonly #log: Log;

  constructor(to: Output, targets: readonly Target[], limit: number | null, log: Log) {
    this.#writer = new LineWriter(to.sink, to.name);
    this.#sink = new TextSink(this.#writer, targets.map(({ name }) => name));
    this.#to = to;
    this.#log = log;
    this.tree = new CallTree(this.#sink, targets.length, limit === null ? {} : { limit });
  }

  /** Rows of the trace written so far. */
  get rows(): number {
    return Math.max(0, this.#writer.written - HEADER_LINES);
  }

  /** Writes the header. */
  begin(): void {
    this.#to.begin();
    this.#sink.header();
    this.#writer.flush();
  }

  /** Whether what is written can come to be traced. */
  get canFeed(): boolean {
    return this.#to.canTravel;
  }

  /** Holds back what is printed, or writes it out. */
  hold(held: boolean): void {
    this.#writer.held = held;
  }

  get full(): boolean {
    return this.tree.full;
  }

  get done(): boolean {
    return this.tree.done;
  }

  get blocked(): boolean {
    return this.#writer.blocked;
  }

  get pending(): boolean {
    return this.#writer.pending;
  }

  record(words: Uint32Array, at: number): void {
    this.tree.record(words, at);
  }

  lost(ahead: number): void {
    this.tree.lost(ahead);
  }

  dry(): void {
    this.#writer.flush();
  }

  progress(): Promise<void> {
    return this.#writer.progress();
  }

  /** Closes what is still open. */
  finish(): void {
    this.tree.finish();
    this.#writer.flush();
  }

  waiting(): void {
    this.#log.info(
      `All probes are detached; waiting until ${this.#to.name} takes the rest of the trace: ` +
        "Ctrl-C gives that up",
    );
  }

  /** Waits until what has been printed is written, or `cut` is aborted. Of a failed trace. */
  async close(cut: AbortSignal): Promise<void> {
    this.finish();
    await this.#writer.finish(cut);
  }
}
