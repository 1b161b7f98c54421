/**
 * Where a trace goes, and in which form.
 *
 * @module
 */

import { type ByteSink, LineWriter } from "../output/line_writer.ts";
import { TextSink } from "../output/text.ts";
import type { Target } from "../probe/target.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { Consumer } from "../trace/tracer.ts";
import { CallTree } from "../trace/tree.ts";

/** The header's. */
const HEADER_LINES = 1;

/** Where the trace goes. */
export interface Output extends Disposable {
  readonly sink: ByteSink;
  readonly name: string;
}

/** stdout, or a file, which is closed on disposal. */
export function openOutput(path: string | null): Output {
  if (path === null) {
    return { sink: Deno.stdout, name: "standard output", [Symbol.dispose]: (): void => {} };
  }
  const name = `"${printable(path)}"`;
  try {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    return { sink: file, name, [Symbol.dispose]: (): void => file[Symbol.dispose]() };
  } catch (cause) {
    throw new Failure("output", `Cannot open ${name} for writing: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Prints a trace as call trees. */
export class Printer implements Consumer {
  readonly tree: CallTree;
  readonly #sink: TextSink;
  readonly #writer: LineWriter;

  constructor(writer: LineWriter, targets: readonly Target[], limit: number | null) {
    const sink = new TextSink(writer, targets.map(({ name }) => name));
    this.#sink = sink;
    this.#writer = writer;
    this.tree = new CallTree(sink, targets.length, limit === null ? {} : { limit });
  }

  /** Rows of the trace written so far. */
  get rows(): number {
    return Math.max(0, this.#writer.written - HEADER_LINES);
  }

  /** Writes the header. */
  begin(): void {
    this.#sink.header();
    this.#writer.flush();
  }

  get full(): boolean {
    return this.tree.full;
  }

  get done(): boolean {
    return this.tree.done;
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

  /** Closes open calls. */
  end(): void {
    this.tree.finish();
    this.#writer.flush();
  }
}
