/**
 * Reads the notes below the options of a command's help: paragraphs, and headings with a table of two
 * columns below.
 *
 * @module
 */

/** A row of a table. */
export interface Entry {
  readonly term: string;
  /** Empty if the row has only the first column. */
  readonly description: string;
}

/** A heading, without its colon, and its table. */
export interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** The notes of a command. */
export interface Notes {
  /** Each on one line. */
  readonly paragraphs: readonly string[];
  readonly sections: readonly Section[];
}

/** Indentation of a row; lines with more continue the row above. */
const INDENTATION = "  ";

/**
 * Reads notes, which consist of blocks separated by blank lines: `Heading:` with rows below it, rows that
 * belong to the previous heading, or a paragraph.
 *
 * @throws {Error} if rows have no heading, or a continuation has no row above it
 */
export function parseNotes(text: string): Notes {
  const paragraphs: string[] = [];
  const sections: { title: string; entries: Entry[] }[] = [];
  for (const block of text.split(/\n{2,}/)) {
    const lines = block.split("\n");
    const [first = ""] = lines;
    if (first === "") continue;
    if (/^\S.*:$/.test(first) && lines[1]?.startsWith(INDENTATION)) {
      sections.push({ title: first.slice(0, -1), entries: entriesOf(lines.slice(1)) });
    } else if (first.startsWith(INDENTATION)) {
      const section = sections.at(-1);
      if (section === undefined) throw new Error(`Notes have no heading above "${first}"`);
      section.entries.push(...entriesOf(lines));
    } else {
      paragraphs.push(lines.join(" "));
    }
  }
  return { paragraphs, sections };
}

function entriesOf(lines: readonly string[]): Entry[] {
  const entries: { term: string; description: string }[] = [];
  for (const line of lines) {
    const row = line.slice(INDENTATION.length);
    if (!row.startsWith(" ")) {
      const [term = "", ...rest] = row.split(/ {2,}/);
      entries.push({ term, description: rest.join(" ") });
      continue;
    }
    const last = entries.at(-1);
    if (last === undefined) throw new Error(`Notes have no row above "${line}"`);
    last.description = `${last.description} ${row.trim()}`.trim();
  }
  return entries;
}
