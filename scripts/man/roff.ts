/**
 * Text as roff, the language of manual pages, takes it (groff_char(7), man(7)).
 *
 * @module
 */

/** Bytes of a line of the page: mandoc's lint wants no more than 80. */
const LINE_WIDTH = 78;

/** Characters that roff would read as commands, or print as typographic ones. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\(rs",
  "'": "\\(aq",
  "`": "\\(ga",
  '"': "\\(dq",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** What is typed, such as a command or a path: each dash stays the ASCII character. */
export function literal(text: string): string {
  return guarded(escaped(text).replaceAll("-", "\\-"));
}

/** `literal` in bold. */
export function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

/** The name of a value, in italics. */
export function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/**
 * Sentences, over lines that begin where sentences do. A dash between letters is a hyphen, unless
 * the word is an option or a path.
 */
export function prose(text: string): string {
  return text.split(/(?<=[.?!]) +(?=[A-Z0-9])/).flatMap(wrapped).map(guarded).join("\n");
}

/** A word of {@linkcode prose}. */
function word(text: string): string {
  const isTyped = /^\W*-|[/=]/.test(text);
  const dash = isTyped ? /-/g : /(?<![A-Za-z0-9])-|-(?![A-Za-z0-9])/g;
  return escaped(text).replace(dash, "\\-");
}

function escaped(text: string): string {
  return text
    .replace(/[\\'`"^~]/g, (character) => ESCAPES[character]!)
    .replace(/[^\0-\x7f]/gu, (character) => `\\[u${hex(character)}]`);
}

/** The code point, in four digits or more: roff's own form works whatever the page's encoding. */
function hex(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
}

/** A line that begins with a period would be a command. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}

function wrapped(sentence: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const each of sentence.split(/\s+/).filter((text) => text !== "").map(word)) {
    if (line !== "" && line.length + 1 + each.length > LINE_WIDTH) {
      lines.push(line);
      line = each;
    } else {
      line = line === "" ? each : `${line} ${each}`;
    }
  }
  if (line !== "") lines.push(line);
  return lines;
}
