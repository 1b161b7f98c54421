import assert from "node:assert/strict";
import { XmlError, XmlReader } from "../../src/vrouter/xml.ts";

/** What is told of a document, with text in one. */
function told(...parts: readonly string[]): string[] {
  const events: string[] = [];
  let text = "";
  const flush = (): void => {
    if (text !== "") events.push(`"${text}"`);
    text = "";
  };
  const reader = new XmlReader({
    open(name): void {
      flush();
      events.push(`<${name}>`);
    },
    text: (part) => text += part,
    close(name): void {
      flush();
      events.push(`</${name}>`);
    },
  });
  for (const part of parts) reader.push(part);
  reader.end();
  return events;
}

const WHOLE = `<?xml version="1.0"?>\n<!-- > -- < --><a b="1>2" c='"'>x &amp; y&lt;&#65;&#x42;` +
  `&unknown;<b/><c.d-e:f /><![CDATA[<raw> & ]]]>z &</a>\n<!---->`;
const EVENTS = [
  "<a>",
  '"x & y<AB&unknown;"',
  "<b>",
  "</b>",
  "<c.d-e:f>",
  "</c.d-e:f>",
  '"<raw> & ]z &"',
  "</a>",
];

Deno.test("a document is told alike, wherever its parts are cut", () => {
  assert.deepEqual(told(WHOLE), EVENTS);
  for (let at = 0; at <= WHOLE.length; at++) {
    assert.deepEqual(told(WHOLE.slice(0, at), WHOLE.slice(at)), EVENTS, `${at}`);
  }
  assert.deepEqual(told(...WHOLE), EVENTS);
});

Deno.test("what is no whole document is refused, by why", () => {
  const refused = (...parts: string[]): string => {
    try {
      told(...parts);
    } catch (error) {
      if (error instanceof XmlError) return error.message;
      throw error;
    }
    return "";
  };
  assert.equal(refused(""), "there is no element");
  assert.equal(refused("<a>"), "it ends inside of <a>");
  assert.equal(refused("<a></a"), "it ends in the middle of a tag");
  assert.equal(refused("<a><b></a></b>"), "</a> ends no element");
  assert.equal(refused("</a>"), "</a> ends no element");
  assert.equal(refused("<a/><b/>"), "there are two roots");
  assert.equal(refused("hello"), "there is text outside of all elements");
  assert.equal(refused("<1/>"), "there is a damaged tag");
  assert.equal(refused("</a/>"), "there is a damaged tag");
  assert.equal(refused('<!DOCTYPE a [<!ENTITY b "bbb">]><a>&b;</a>'), "it has a document type");
  assert.equal(refused("<a>".repeat(65)), "more than 64 elements are in each other");
  assert.equal(refused(`<a b="${"x".repeat(5000)}"/>`), "a tag is longer than 4096 characters");
  assert.match(refused("<a><!--", "x".repeat(5000)), /^something between .* longer than 4096/);
});

Deno.test("text of any length is told as it comes, and nothing of it is kept", () => {
  let most = 0;
  const reader = new XmlReader({
    open: () => {},
    text: (part) => most = Math.max(most, part.length),
    close: () => {},
  });
  reader.push("<a>");
  for (let part = 0; part < 1000; part++) reader.push("&".padEnd(1000, "x"));
  reader.push("</a>");
  reader.end();
  assert.ok(most > 900 && most <= 1000, `${most}`);
});
