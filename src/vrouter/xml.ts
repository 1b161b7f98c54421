/**
 * Reads XML as it arrives, in parts of any size: what Sandesh writes of it, which is elements, text, the five
 * entities, references of characters, CDATA, comments and instructions. Documents that define entities of
 * their own are refused.
 *
 * Syntax: https://www.w3.org/TR/xml/
 *
 * @module
 */

/** Text that is no such XML, or that is longer or deeper than anything that is expected. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

/** What is told of a document, in its order. */
export interface XmlEvents {
  /** An element begins. Attributes are not told. */
  open(name: string): void;
  /** Text of the innermost element, which may come in several parts. */
  text(text: string): void;
  close(name: string): void;
}

/** Characters of a tag, a comment or the like, at most. */
const LONGEST_MARKUP = 4096;
/** Elements in each other: those of Sandesh are a dozen. */
const DEEPEST = 64;
/** Characters of an entity or a reference, at most: `&#x10ffff;`. */
const LONGEST_ENTITY = 10;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};

/** What stands between these, and whether it is text. */
const SECTIONS = [
  { from: "<!--", to: "-->", isText: false },
  { from: "<![CDATA[", to: "]]>", isText: true },
  { from: "<?", to: "?>", isText: false },
] as const;

/** Whether it ends an element, the element's name, and what follows. */
const TAG = /^<(\/?)([\p{L}_:][\p{L}\p{N}_:.-]*)((?:\s[^<]*|\/)?)>$/u;

/** Reads one document. It keeps no more than the tag or the like that is not yet whole. */
export class XmlReader {
  readonly #events: XmlEvents;
  readonly #open: string[] = [];
  /** What is not yet told. */
  #rest = "";
  #hasRoot = false;

  constructor(events: XmlEvents) {
    this.#events = events;
  }

  /** The next part. @throws {XmlError} */
  push(part: string): void {
    const all = this.#rest + part;
    let at = 0;
    for (let next = this.#one(all, at); next > at; next = this.#one(all, at)) at = next;
    this.#rest = all.slice(at);
    if (this.#rest.length > LONGEST_MARKUP) {
      throw new XmlError(`something between < and > is longer than ${LONGEST_MARKUP} characters`);
    }
  }

  /** There is no more. @throws {XmlError} if the document is not whole */
  end(): void {
    // Such as a lone & at the end.
    if (this.#rest !== "" && !this.#rest.startsWith("<")) this.#text(this.#rest);
    else if (this.#rest !== "") throw new XmlError("it ends in the middle of a tag");
    const last = this.#open.at(-1);
    if (last !== undefined) throw new XmlError(`it ends inside of <${last}>`);
    if (!this.#hasRoot) throw new XmlError("there is no element");
  }

  /** Tells what begins at a place. @returns the place behind that; `at` if it is not yet whole */
  #one(all: string, at: number): number {
    if (at >= all.length) return at;
    if (all[at] !== "<") return this.#textFrom(all, at);
    for (const { from, to, isText } of SECTIONS) {
      if (all.startsWith(from, at)) {
        const end = all.indexOf(to, at + from.length);
        if (end < 0) return at;
        if (isText) this.#raw(all.slice(at + from.length, end));
        return end + to.length;
      }
      // It may become one.
      if (from.startsWith(all.slice(at, at + from.length))) return at;
    }
    if (all.startsWith("<!", at)) throw new XmlError("it has a document type");
    const end = tagEnd(all, at);
    if (end === null) return at;
    this.#tag(all.slice(at, end));
    return end;
  }

  #textFrom(all: string, at: number): number {
    const markup = all.indexOf("<", at);
    let end = markup < 0 ? all.length : markup;
    if (markup < 0) {
      const entity = all.lastIndexOf("&");
      const isWhole = entity < at || all.includes(";", entity) ||
        end - entity > LONGEST_ENTITY;
      if (!isWhole) end = entity;
    }
    if (end > at) this.#text(all.slice(at, end));
    return end;
  }

  #text(text: string): void {
    this.#raw(text.replaceAll(/&(#x?[0-9a-f]{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
      if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
      const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : Number(name.slice(1));
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    }));
  }

  #raw(text: string): void {
    if (this.#open.length > 0) this.#events.text(text);
    else if (text.trim() !== "") throw new XmlError("there is text outside of all elements");
  }

  #tag(tag: string): void {
    const [, closes, name, rest] = TAG.exec(tag) ?? [];
    const isEmpty = rest?.endsWith("/");
    if (name === undefined || (closes && isEmpty)) throw new XmlError("there is a damaged tag");
    if (closes) return this.#close(name);
    if (this.#open.length === 0 && this.#hasRoot) throw new XmlError("there are two roots");
    if (this.#open.length >= DEEPEST) {
      throw new XmlError(`more than ${DEEPEST} elements are in each other`);
    }
    this.#hasRoot = true;
    this.#open.push(name);
    this.#events.open(name);
    if (isEmpty) this.#close(name);
  }

  #close(name: string): void {
    if (this.#open.pop() !== name) throw new XmlError(`</${name}> ends no element`);
    this.#events.close(name);
  }
}

/** The place behind a tag; `null` if it is not yet whole. */
function tagEnd(all: string, at: number): number | null {
  let quote = "";
  // Beyond, it is refused anyway.
  const most = Math.min(all.length, at + LONGEST_MARKUP);
  for (let place = at; place < most; place++) {
    const character = all[place]!;
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === ">") return place + 1;
  }
  if (most < all.length) {
    throw new XmlError(`a tag is longer than ${LONGEST_MARKUP} characters`);
  }
  return null;
}
