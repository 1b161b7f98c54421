import assert from "node:assert/strict";
import { parseNotes } from "../../scripts/man/notes.ts";

Deno.test("parseNotes() reads paragraphs, headings and rows", () => {
  const notes = `\
Examples:
  vrft -n 5        five rows
  vrft --duration 10s --limit 400
                   both
  vrft >file

  vrft interfaces  of a second block

A paragraph of
two lines: fine.

Files:
  /a  one that is
      explained at length`;
  assert.deepEqual(parseNotes(notes), {
    paragraphs: ["A paragraph of two lines: fine."],
    sections: [
      {
        title: "Examples",
        entries: [
          { term: "vrft -n 5", description: "five rows" },
          { term: "vrft --duration 10s --limit 400", description: "both" },
          { term: "vrft >file", description: "" },
          { term: "vrft interfaces", description: "of a second block" },
        ],
      },
      { title: "Files", entries: [{ term: "/a", description: "one that is explained at length" }] },
    ],
  });
});

Deno.test("parseNotes() reads no notes", () => {
  assert.deepEqual(parseNotes(""), { paragraphs: [], sections: [] });
});

Deno.test("parseNotes() takes a line that ends with a colon for a paragraph without rows", () => {
  assert.deepEqual(parseNotes("So it is:\nthat").paragraphs, ["So it is: that"]);
});

Deno.test("parseNotes() rejects rows that belong to nothing", () => {
  assert.throws(() => parseNotes("  /a  file"), /no heading above " {2}\/a {2}file"/);
  assert.throws(() => parseNotes("Files:\n    goes on"), /no row above " {4}goes on"/);
});
