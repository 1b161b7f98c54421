/**
 * The part of a printer that is about its output: whole lines, which may have to wait for whoever reads them.
 *
 * @module
 */

import { LineWriter } from "../output/line_writer.ts";
import type { Log } from "../output/log.ts";
import type { SlowOutput } from "../trace/tracer.ts";
import { type Output, sayWaiting } from "./trace_output.ts";

/** Where lines go. */
export interface LinePrinterOptions {
  readonly to: Output;
  /** Something else that is waited for, if it can wait. */
  readonly beside?: { readonly isBusy: boolean; progress(): Promise<void> } | null;
  readonly log: Log;
}

/** Writes lines. */
export abstract class LinePrinter implements SlowOutput {
  readonly output = this;
  protected readonly writer: LineWriter;
  readonly #with: LinePrinterOptions;

  constructor(options: LinePrinterOptions) {
    this.#with = options;
    this.writer = new LineWriter(options.to.sink, options.to.name);
  }

  get blocked(): boolean {
    return this.writer.blocked || (this.#with.beside?.isBusy ?? false);
  }

  get pending(): boolean {
    return this.writer.pending;
  }

  /** See `TracePrinter`. */
  get canFeed(): boolean {
    return this.#with.to.canTravel;
  }

  /** See `TracePrinter`. */
  hold(held: boolean): void {
    this.writer.held = held;
  }

  /** See `TracePrinter`. */
  begin(): void {
    this.#with.to.begin();
  }

  progress(): Promise<void> {
    const { beside } = this.#with;
    return beside?.isBusy ? beside.progress() : this.writer.progress();
  }

  waiting(): void {
    sayWaiting(this.#with.log, this.#with.to);
  }

  /** See `TracePrinter`. */
  async close(cut: AbortSignal): Promise<void> {
    this.finish();
    await this.writer.finish(cut);
  }

  /** Writes what is left. */
  abstract finish(): void;
}
