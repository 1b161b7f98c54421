/**
 * A progress bar on standard error:
 * ` 100% |██████████████████████████████| (1767/1767, 14210 it/s)`.
 *
 * @module
 */

import { type Messages, standardError } from "./messages.ts";

/** Cells of the bar where the terminal is wide enough. */
const BAR_CELLS = 30;
/** A bar of fewer cells says nothing, and is left out. */
const FEWEST_CELLS = 5;
/** Columns where nobody says how many there are. */
const USUAL_COLUMNS = 80;
/** Time between two drawings: what an eye can follow. */
const REDRAW_MS = 50;

/** How a {@linkcode Progress} is to behave; by default it suits standard error. */
export interface ProgressOptions {
  /** Where the bar goes. */
  readonly messages?: Messages;
  /** Whether that is a terminal, where the bar is drawn over and over. Else its end alone is written. */
  readonly terminal?: boolean;
  /** Columns of the terminal now. */
  readonly columns?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Shows how far something has come. Dispose of it whichever way that ends, so that what is written
 * next starts on its own line.
 */
export class Progress implements Disposable {
  readonly #total: number;
  readonly #messages: Messages;
  readonly #terminal: boolean;
  readonly #columns: () => number;
  readonly #now: () => number;
  readonly #start: number;
  #drawnAt = -Infinity;
  /** Columns of what stands on the terminal's line. */
  #drawn = 0;
  #finished = false;

  /**
   * @param total how many steps make the whole
   * @param options see {@linkcode ProgressOptions}
   */
  constructor(total: number, options: ProgressOptions = {}) {
    this.#total = total;
    this.#messages = options.messages ?? standardError;
    this.#terminal = options.terminal ?? Deno.stderr.isTerminal();
    this.#columns = options.columns ?? terminalColumns;
    this.#now = options.now ?? ((): number => performance.now());
    this.#start = this.#now();
  }

  /** Says how many steps are done by now. Cheap to call for every step. */
  update(done: number): void {
    const now = this.#now();
    if (!this.#terminal || this.#finished || now - this.#drawnAt < REDRAW_MS) return;
    // Old bars would only take the room of messages.
    if (this.#messages.busy) return;
    this.#drawnAt = now;
    this.#draw(done, now);
  }

  /** Writes the bar a last time and ends its line. `done` is less than the whole where steps failed. */
  finish(done: number): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#draw(done, this.#now());
    this.#messages.write("\n");
  }

  /** Ends the line of a bar that has been drawn and did not {@linkcode finish}. */
  [Symbol.dispose](): void {
    if (!this.#finished && this.#drawn > 0) this.#messages.write("\n");
    this.#finished = true;
  }

  #draw(done: number, now: number): void {
    if (!this.#terminal) {
      this.#messages.write(this.#text(done, now, USUAL_COLUMNS));
      return;
    }
    // A line that fills the last column may wrap.
    const columns = this.#columns() - 1;
    const text = this.#text(done, now, columns);
    this.#messages.write(`\r${text.padEnd(Math.min(this.#drawn, columns))}`);
    this.#drawn = text.length;
  }

  #text(done: number, now: number, columns: number): string {
    const share = this.#total > 0 ? Math.min(done / this.#total, 1) : 1;
    const rate = Math.round(done / Math.max(now - this.#start, 1) * 1000);
    const before = `${Math.floor(share * 100)}%`.padStart(5);
    const after = `(${done}/${this.#total}, ${rate} it/s)`;
    const cells = Math.min(BAR_CELLS, columns - before.length - after.length - 4);
    if (cells < FEWEST_CELLS) return `${before} ${after}`.slice(0, Math.max(columns, 0));
    const full = Math.floor(share * cells);
    return `${before} |${"█".repeat(full)}${" ".repeat(cells - full)}| ${after}`;
  }
}

/** Columns of the terminal that standard error is. */
function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || USUAL_COLUMNS;
  } catch {
    return USUAL_COLUMNS;
  }
}
