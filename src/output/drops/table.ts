/**
 * Drops as a table on a terminal, which is redrawn as they come.
 *
 * @module
 */

import { amount } from "../../sys/amount.ts";
import type { Drop, Reconciled } from "../../trace/drop.ts";
import type { Screen } from "../screen.ts";
import { Keys } from "./keys.ts";
import { layout, type ScreenLine } from "./table_layout.ts";
import { TableState } from "./table_state.ts";
import type { DropPhrases, DropView } from "./view.ts";

/** Least milliseconds from one frame to the next. */
const FRAME_MS = 200;
/** Milliseconds after which a frame is old although nothing has happened: rates fall. */
const OLD_MS = 1000;

const SGR: Readonly<Record<ScreenLine["style"], string>> = {
  plain: "",
  title: "1",
  selected: "7",
  dim: "2",
};

/** What a table is drawn with. */
export interface TableSurroundings {
  readonly screen: Screen;
  readonly words: DropPhrases;
  /** Whether text may be coloured; what is selected is shown in any case. */
  readonly colour: boolean;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly now: () => bigint;
  /** Called when the user wants out. */
  readonly quit: () => void;
}

/** Draws the table. */
export class DropTable implements DropView {
  readonly #around: TableSurroundings;
  readonly #state: TableState;
  readonly #keys = new Keys();
  #drawnAt = -Infinity;
  #isStale = true;
  #isOver = false;

  constructor(around: TableSurroundings) {
    this.#around = around;
    this.#state = new TableState(around.now());
  }

  begin(): void {
    this.#draw();
  }

  drop(drop: Drop): void {
    this.#isStale = true;
    this.#state.add(drop, this.#around.words.flow(drop));
  }

  reconciled(counters: readonly Reconciled[]): void {
    const total = counters.filter(({ vif }) => vif === null);
    const sum = (of: (counter: Reconciled) => number): string =>
      amount(total.reduce((whole, counter) => whole + of(counter), 0));
    this.message(`module ${sum(({ module }) => module)}, seen ${sum(({ seen }) => seen)}`);
  }

  turn(): void {
    const age = performance.now() - this.#drawnAt;
    if (age >= OLD_MS || (this.#isStale && age >= FRAME_MS)) this.#draw();
  }

  finish(): void {
    this.#isOver = true;
  }

  /** Shows the last line of a message on the last line. */
  message(text: string): void {
    this.#state.message = text.trimEnd().replace(/^.*\n/s, "");
    this.#isStale = true;
  }

  /** What is on the screen is not what was drawn. */
  stale(): void {
    this.#isStale = true;
  }

  /** Keys were typed. */
  typed(): void {
    for (const key of this.#keys.read(this.#around.screen.read())) {
      const done = this.#state.key(key, this.#around.now());
      if (done === "quit") {
        this.#around.quit();
        return;
      }
      // The user has seen it.
      if (this.#state.message !== "") this.message("");
      this.#isStale ||= done;
    }
    this.turn();
  }

  #draw(): void {
    const { screen, words, now } = this.#around;
    // A slow terminal gets fewer frames, not old ones.
    if (this.#isOver || screen.busy) return;
    this.#drawnAt = performance.now();
    this.#isStale = false;
    const { columns, rows } = screen.size;
    // What stands in the last column would be cleared with the rest of its line.
    const size = { columns: Math.max(1, columns - 1), rows };
    screen.draw(layout(this.#state, words, size, now()).map((line) => this.#styled(line)));
  }

  #styled({ text, style }: ScreenLine): string {
    const sgr = SGR[style];
    if (sgr === "" || !this.#around.colour && style !== "selected") return text;
    return `\x1b[${sgr}m${text}\x1b[m`;
  }
}
