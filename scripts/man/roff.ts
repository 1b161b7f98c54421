/**
 * Escapes text for roff, the language of manual pages (groff_char(7), man(7)).
 *
 * @module
 */

/** Bytes of a line of the page: mandoc's lint warns above 80. */
const LINE_WIDTH = 78;

/** Characters that roff would interpret, or print as typographic ones. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\(rs",
  "'": "\\(aq",
  "`": "\\(ga",
  '"': "\\(dq",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Literal text, such as a command or a path: dashes stay ASCII. */
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
 * Sentences, each starting on a new line. A dash between letters is a hyphen, unless the word is an option
 * or a path.
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

/** The code point with at least four digits: roff's own escape works in any encoding. */
function hex(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
}

/** A line starting with a period would be a command. */
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
