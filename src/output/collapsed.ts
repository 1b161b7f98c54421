/**
 * The trace as collapsed stacks, for flame graphs: a line for each chain of calls, `vm_rx;vr_virtual_input 1234`,
 * with the nanoseconds that its last function took without the calls inside it, of all tasks together. What
 * is not known, because records were lost, is left out.
 *
 * Read by flamegraph.pl, inferno, speedscope and others.
 *
 * @module
 */

import { printable } from "../sys/printable.ts";
import type { Step } from "../trace/events.ts";
import { Chains } from "./chains.ts";
import type { LineWriter } from "./line_writer.ts";
import type { Format, OutputView } from "./view.ts";

/** The format's entry in the list. */
export const COLLAPSED: Format = {
  packets: false,
  drops: false,
  durations: true,
  open: (writer, { functions }) => new CollapsedView(writer, functions),
};

/** Lines that are written at a time. */
const LINES = 1024;

/** Adds up what chains take, and writes that at the end. */
class CollapsedView implements OutputView {
  readonly hasPacketRows = false;
  readonly #writer: LineWriter;
  readonly #names: readonly string[];
  readonly #chains = new Chains();

  constructor(writer: LineWriter, functions: readonly string[]) {
    this.#writer = writer;
    this.#names = functions.map((name) => printable(name).replaceAll(/[; ]/g, "_"));
  }

  begin(): number {
    return 0;
  }

  enter(step: Readonly<Step>): void {
    this.#chains.enter(step);
  }

  leave(step: Readonly<Step>): void {
    this.#chains.leave(step);
  }

  abandon(step: Readonly<Step>): void {
    this.#chains.abandon(step);
  }

  orphan(): void {}

  *end(): Generator<void, void, undefined> {
    let lines = 0;
    const path: string[] = [];
    for (const { fn, depth, self } of this.#chains.all()) {
      path.length = depth;
      path.push(this.#names[fn]!);
      if (self === 0) continue;
      this.#writer.text(`${path.join(";")} ${self}\n`);
      if (++lines % LINES === 0) yield;
    }
  }
}
