/**
 * A progress bar on standard error:
 * ` 100% |██████████████████████████████| (1767/1767, 14210 it/s)`.
 *
 * @module
 */

import { type Messages, standardError } from "./messages.ts";

/** Cells of the bar if the terminal is wide enough. */
const BAR_CELLS = 30;
/** A bar of fewer cells is omitted. */
const FEWEST_CELLS = 5;
/** Columns if the terminal's width is unknown. */
const USUAL_COLUMNS = 80;
/** Minimum milliseconds between redraws. */
const REDRAW_MS = 50;

/** Options of {@linkcode Progress}; the defaults are for standard error. */
export interface ProgressOptions {
  /** Receives the bar. */
  readonly messages?: Messages;
  /** Whether that is a terminal, where the bar is redrawn; elsewhere only the final bar is written. */
  readonly terminal?: boolean;
  /** Current width of the terminal. */
  readonly columns?: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * A progress bar. Dispose of it in any case, so that subsequent output starts on a new line.
 */
export class Progress implements Disposable {
  readonly #total: number;
  readonly #messages: Messages;
  readonly #terminal: boolean;
  readonly #columns: () => number;
  readonly #now: () => number;
  readonly #start: number;
  #drawnAt = -Infinity;
  /** Width of the text on the terminal's current line. */
  #drawn = 0;
  #finished = false;

  /**
   * @param total number of steps
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

  /** Sets the number of steps done. Cheap enough to call for every step. */
  update(done: number): void {
    const now = this.#now();
    if (!this.#terminal || this.#finished || now - this.#drawnAt < REDRAW_MS) return;
    // Outdated bars would only displace messages in the queue.
    if (this.#messages.busy) return;
    this.#drawnAt = now;
    this.#draw(done, now);
  }

  /** Draws the final bar and ends its line. `done` is less than the total if steps failed. */
  finish(done: number): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#draw(done, this.#now());
    this.#messages.write("\n");
  }

  /** Ends the line of a bar that was drawn but not finished. */
  [Symbol.dispose](): void {
    if (!this.#finished && this.#drawn > 0) this.#messages.write("\n");
    this.#finished = true;
  }

  #draw(done: number, now: number): void {
    if (!this.#terminal) {
      this.#messages.write(this.#text(done, now, USUAL_COLUMNS));
      return;
    }
    // Text in the last column may wrap the line.
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

/** Width of the terminal. */
function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || USUAL_COLUMNS;
  } catch {
    return USUAL_COLUMNS;
  }
}
