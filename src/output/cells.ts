/**
 * How wide text is on a terminal.
 *
 * @module
 */

/** Combining marks, which take no cell of their own. */
const NONE = /^[\p{Mn}\p{Me}]$/u;

/** First and last code points of what takes two cells (UAX #11, wide and full-width, in rough ranges). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f000, 0x1faff],
  [0x20000, 0x3fffd],
];

/** Cells of printable text. */
export function cellsOf(text: string): number {
  if (isPlain(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += cellsOfOne(character);
  return cells;
}

/** Printable text in exactly `cells` cells: cut, with an ellipsis, or filled up with blanks. */
export function fitted(text: string, cells: number, right: boolean = false): string {
  const shown = cut(text, cells);
  const blanks = " ".repeat(cells - cellsOf(shown));
  return right ? blanks + shown : shown + blanks;
}

/** Printable text in at most `cells` cells; if it is cut, an ellipsis says so. */
export function cut(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  if (cells < 1) return "";
  let shown = "";
  let used = 0;
  for (const character of text) {
    used += cellsOfOne(character);
    if (used > cells - 1) break;
    shown += character;
  }
  return `${shown}…`;
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function cellsOfOne(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (NONE.test(character)) return 0;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
