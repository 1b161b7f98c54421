/**
 * Reads README.md and docs/ for the tests: links, headings, code and tables.
 *
 * @module
 */

/** The checkout. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** One document. */
export interface Document {
  /** From the root of the checkout: `docs/cost.md`. */
  readonly path: string;
  readonly text: string;
}

/** README.md and docs/*.md, which the packages carry. */
export const DOCUMENTS: readonly Document[] = [
  "README.md",
  ...Array.from(Deno.readDirSync(new URL("docs", ROOT)), ({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md"))
    .sort(),
].map((path) => ({ path, text: Deno.readTextFileSync(new URL(path, ROOT)) }));

/** The document at `path`. @throws {Error} when there is none */
export function documentAt(path: string): Document {
  const found = DOCUMENTS.find((document) => document.path === path);
  if (found === undefined) throw new Error(`No ${path}`);
  return found;
}

/** Targets of the links, images included. */
export function linksOf({ text }: Document): string[] {
  return Array.from(prose(text).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!);
}

/** Anchors of the headings, as forges make them. */
export function anchorsOf({ text }: Document): string[] {
  return Array.from(
    prose(text).matchAll(/^#+ (.*)$/gm),
    ([, title]) => title!.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-"),
  );
}

/** Each code span, and each line of each code block without its prompt, on one line. */
export function codeOf({ text }: Document): string[] {
  const blocks = [...text.matchAll(/^```\n(.*?)^```$/gms)].flatMap(([, block]) =>
    block!.trimEnd().split("\n").map((line) => line.replace(/^\$ /, ""))
  );
  const spans = Array.from(
    prose(text).matchAll(/`([^`]+)`/g),
    ([, span]) => span!.replaceAll("\n", " "),
  );
  return [...blocks, ...spans];
}

/** Rows of all tables whose first heading is `heading`, without it: the cells' text, trimmed. */
export function tableRows(text: string, heading: string): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      inside = false;
      continue;
    }
    const cells = line.slice(1, -1).split("|").map((cell) => cell.trim());
    if (cells[0] === heading) inside = true;
    else if (inside && !/^-+$/.test(cells[0]!)) rows.push(cells);
  }
  return rows;
}

/** The part of `text` from the line that holds `start` to the next heading. */
export function sectionFrom(text: string, start: string): string {
  const from = text.indexOf(start);
  if (from < 0) throw new Error(`Nothing says "${start}"`);
  const rest = text.slice(from);
  const next = rest.search(/\n#/);
  return next < 0 ? rest : rest.slice(0, next);
}

/** The text without its code blocks. */
function prose(text: string): string {
  return text.replace(/^```\n.*?^```$/gms, "");
}
