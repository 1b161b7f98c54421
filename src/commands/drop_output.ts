/**
 * Prints drops to stdout or a file: the ones that the user wants, in the form that the user wants.
 *
 * @module
 */

import type { DropsOptions } from "../cli/invocation.ts";
import { DropJson } from "../output/drops/json.ts";
import { DropLines } from "../output/drops/lines.ts";
import type { DropTotals } from "../output/drops/summary.ts";
import { DropTable } from "../output/drops/table.ts";
import { type DropPhrases, type DropView, NO_VIEW } from "../output/drops/view.ts";
import { localTime } from "../output/drops/wall_clock.ts";
import type { HeldMessages } from "../output/held_messages.ts";
import { TerminalScreen } from "../output/screen.ts";
import { monotonicClock, wallClockOffset } from "../sys/clock.ts";
import { type Drop, type DropClass, isLoss, type Reconciled } from "../trace/drop.ts";
import { flowWords, hintsFor, packetWords, withLoss } from "../trace/drop_phrases.ts";
import { DropReader, type DropSources } from "../trace/drops.ts";
import type { Watched } from "../trace/tracer.ts";
import { canMove, isColoured } from "./colour.ts";
import { LinePrinter, type LinePrinterOptions } from "./line_printer.ts";
import type { TracePrinter } from "./running_trace.ts";

/** Where drops go, and what they come from. */
export interface DropPrinterOptions extends LinePrinterOptions {
  readonly options: DropsOptions;
  /** Whether a drop has one of the reasons to show; `null` for all. */
  readonly wanted: ((drop: Drop) => boolean) | null;
  readonly sources: DropSources;
  /** Told of each drop, whether it is shown or not. */
  readonly seen: (drop: Drop) => void;
  /** Told of each drop that is shown. */
  readonly shown?: (drop: Drop) => void;
  /** Told when all records up to now have been passed on. */
  readonly dry: () => void;
  /** What the wall clock is ahead of the clock of records; by default that of this machine. */
  readonly wallOffset?: bigint;
  /** Held while the terminal shows a table. */
  readonly messages: HeldMessages;
}

/** Prints drops. */
export class DropPrinter extends LinePrinter implements TracePrinter, Disposable {
  readonly #with: DropPrinterOptions;
  readonly #reader: DropReader;
  readonly #view: DropView;
  readonly #table: { readonly view: DropTable; readonly screen: TerminalScreen } | null;
  readonly #quit = new AbortController();
  readonly #shown = new Map<DropClass, number>();
  #hidden = 0;
  #room: number;
  #isEnding = false;

  constructor(options: DropPrinterOptions) {
    const { options: { limit, format, hints, color, output }, sources } = options;
    super(options);
    this.#with = options;
    this.#room = limit ?? Infinity;
    this.#reader = new DropReader(sources, (drop) => this.#receive(withLoss(drop)));
    const offset = options.wallOffset ?? wallClockOffset();
    const phrases: DropPhrases = {
      packet: packetWords,
      flow: flowWords,
      hints: hintsFor,
      time: (nanoseconds) => localTime(nanoseconds, offset),
    };
    const colour = isColoured(color, output);
    this.#table = null;
    if (format === "none") {
      this.#view = NO_VIEW;
    } else if (format === "json") {
      this.#view = new DropJson(this.writer, phrases, offset, hints);
    } else if (format === "auto" && canMove(output)) {
      const screen = new TerminalScreen(this.writer);
      const clock = monotonicClock();
      const view = new DropTable({
        screen,
        words: phrases,
        colour,
        now: () => BigInt(Math.round(clock())),
        quit: () => this.#quit.abort(),
      });
      this.#table = { view, screen };
      this.#view = view;
    } else {
      this.#view = new DropLines(this.writer, phrases, { colour, hints });
    }
  }

  get totals(): DropTotals {
    return { shown: this.#shown, hidden: this.#hidden, damaged: this.#reader.damaged };
  }

  /** Whether a packet that was shown is lost, or one may have been that could not be shown. */
  get hasLoss(): boolean {
    return this.#reader.damaged > 0 || [...this.#shown.keys()].some(isLoss);
  }

  /** Aborted when the user wants out. */
  get quit(): AbortSignal {
    return this.#quit.signal;
  }

  /** The keys of a table. */
  get watched(): readonly Watched[] {
    const input = this.#table?.screen.input ?? null;
    return input === null ? [] : [{ fd: input, ready: () => this.#table!.view.typed() }];
  }

  /** The programs run until the module's counters have been read. */
  get full(): boolean {
    return false;
  }

  /** What has been recorded by the end of the trace is read, limit or not: the module counts it, too. */
  get done(): boolean {
    return this.#room <= 0 && !this.#isEnding;
  }

  /** Whether the terminal shows a table. */
  get isTable(): boolean {
    return this.#table !== null;
  }

  /** Recording ends. */
  end(): void {
    this.#isEnding = true;
  }

  override begin(): void {
    super.begin();
    if (this.#table !== null) {
      const { view, screen } = this.#table;
      this.#with.messages.hold((text) => view.message(text));
      screen.enter(view);
    }
    this.#view.begin();
  }

  turn(): void {
    this.#view.turn();
  }

  reconciled(counters: readonly Reconciled[]): void {
    this.#view.reconciled(counters);
  }

  record(words: Uint32Array, at: number, bytes: number): void {
    this.#reader.record(words, at, bytes);
  }

  lost(): void {
    this.#reader.lost();
  }

  dry(): void {
    this.#with.dry();
    this.writer.flush();
  }

  override finish(): void {
    this.#view.finish();
    this.#table?.screen.leave();
    this.writer.flush();
  }

  /** Restores the terminal, and lets go of the messages. */
  [Symbol.dispose](): void {
    this.#table?.screen[Symbol.dispose]();
    this.#with.messages.release();
  }

  #receive(drop: Drop): void {
    this.#with.seen(drop);
    if (!this.#isWanted(drop)) {
      this.#hidden++;
      return;
    }
    if (this.#room <= 0) return;
    this.#room--;
    const { class: kind } = drop.reason;
    this.#shown.set(kind, (this.#shown.get(kind) ?? 0) + 1);
    this.#view.drop(drop);
    this.#with.shown?.(drop);
  }

  #isWanted(drop: Drop): boolean {
    const { wanted, options: { all } } = this.#with;
    if (wanted !== null) return wanted(drop);
    return all || drop.reason.class !== "housekeeping";
  }
}
