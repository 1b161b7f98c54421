/**
 * Drops as lines: one for each, and indented ones below for what else is known of it.
 *
 * @module
 */

import { printable } from "../../sys/printable.ts";
import type { Drop, DropClass } from "../../trace/drop.ts";
import type { LineWriter } from "../line_writer.ts";
import type { DropPhrases, DropView } from "./view.ts";
import { detailsOf, reasonText, vifText } from "./words.ts";

/** Width of the column of reasons: those of `dropstats` are mostly shorter. */
const REASON_CELLS = 21;
const VIF_CELLS = 21;
/** Below the reasons. */
const INDENT = " ".repeat("14:03:07.412  ".length);

const DIM = "2";
/** Colours of reasons, as parameters of SGR. */
const COLOURS: Readonly<Record<DropClass, string>> = {
  lost: "31",
  policy: "33",
  housekeeping: DIM,
  counted: "31",
  unknown: "35",
};

/** How lines look. */
export interface LineStyle {
  readonly colour: boolean;
  /** Whether commands that tell more follow each drop. */
  readonly hints: boolean;
}

/** Writes lines. */
export class DropLines implements DropView {
  readonly #writer: LineWriter;
  readonly #words: DropPhrases;
  readonly #style: LineStyle;

  constructor(writer: LineWriter, words: DropPhrases, style: LineStyle) {
    this.#writer = writer;
    this.#words = words;
    this.#style = style;
  }

  begin(): void {}

  drop(drop: Drop): void {
    this.#writer.text(this.#paragraph(drop).map((line) => `${line}\n`).join(""));
  }

  reconciled(): void {}

  turn(): void {}

  finish(): void {}

  #paragraph(drop: Drop): string[] {
    const where = [
      vifText(drop).padEnd(VIF_CELLS),
      ...drop.vrf === null ? [] : [`VRF ${drop.vrf}`],
      printable(this.#words.packet(drop)),
    ];
    const first = [
      this.#paint(DIM, this.#words.time(drop.time)),
      this.#paint(COLOURS[drop.reason.class], reasonText(drop).padEnd(REASON_CELLS)),
      ...where,
    ];
    const more = detailsOf(drop);
    const lines = more.length === 0 ? [] : [more.join("  ")];
    if (this.#style.hints) lines.push(...this.#words.hints(drop).map(printable));
    return [first.join("  "), ...lines.map((line) => INDENT + this.#paint(DIM, line))];
  }

  #paint(colour: string, text: string): string {
    return this.#style.colour ? `\x1b[${colour}m${text}\x1b[m` : text;
  }
}
