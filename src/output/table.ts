/**
 * Tables for people.
 *
 * @module
 */

/** A column of a table of `T`. */
export interface Column<T> {
  readonly title: string;
  /** Align right, for numbers. */
  readonly right?: true;
  /** The cell's text, safe for a terminal. */
  readonly cell: (row: T) => string;
}

/**
 * A table with a line of titles and a line per row, with two blanks between columns and none at the end
 * of a line.
 */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = columns.map(({ title, cell }) => [title, ...rows.map(cell)]);
  const widths = cells.map((column) =>
    column.reduce((most, text) => Math.max(most, width(text)), 0)
  );
  let text = "";
  for (let row = 0; row <= rows.length; row++) {
    const line = columns.map(({ right }, index) => {
      const cell = cells[index]?.[row] ?? "";
      const padding = " ".repeat((widths[index] ?? 0) - width(cell));
      return right ? padding + cell : cell + padding;
    });
    text += `${line.join("  ").trimEnd()}\n`;
  }
  return text;
}

/** Characters of `text`, not UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}
