import assert from "node:assert/strict";
import { manualPage } from "../../scripts/man.ts";
import { parseNotes } from "../../scripts/man/notes.ts";
import { COMMANDS, type CommandSpec, flagsOf } from "../../src/cli/grammar.ts";
import { attempt } from "./commands.ts";
import { type Rendered, renderRoff } from "./groff.ts";

const PAGE = manualPage(COMMANDS, "1.2.3", "2026-11-22");
let rendered: Promise<Rendered> | undefined;

/** {@linkcode PAGE}, rendered once. */
function renderPage(): Promise<Rendered> {
  return rendered ??= renderRoff(PAGE);
}

Deno.test("the manual page renders without warnings", async () => {
  assert.equal((await renderPage()).warnings, "");
});

Deno.test("the manual page says what it is of, its version and its date", async () => {
  const { text } = await renderPage();
  assert.match(text, /^VRFT\(1\) +User Commands +VRFT\(1\)$/m);
  assert.match(text, /^vrft 1\.2\.3 +2026-11-22 +VRFT\(1\)$/m);
  assert.match(text, /^NAME\n {7}vrft - \w+ /m);
});

Deno.test("the manual page has its sections in the usual order", async () => {
  const { text } = await renderPage();
  const headings = text.split("\n").filter((line) => /^[A-Z]/.test(line));
  assert.deepEqual(headings.slice(1), [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "COMMANDS",
    "EXIT STATUS",
    "FILES",
    "EXAMPLES",
  ]);
});

for (const spec of COMMANDS) {
  const title = `vrft ${spec.name}`.trimEnd();

  Deno.test(`the manual page has ${title} with each of its options`, async () => {
    const { text } = await renderPage();
    const part = spec.name === ""
      ? between(text, /^OPTIONS$/, /^[A-Z]/)
      : between(text, new RegExp(`^   ${title} \\[OPTION\\]`), /^ {0,3}\S/);
    const words = oneLine(part);
    for (const [long, option] of Object.entries(spec.options)) {
      const value = option.value === undefined ? "" : ` ${option.value.name}`;
      const term = flagsOf(long, option).join(", ") + value;
      assert.match(part, new RegExp(`^ {7}${escapePattern(term)}( |$)`, "m"), term);
      assert(words.includes(`${term} ${oneLine(option.description)}`), option.description);
    }
    if (spec.name !== "") assert(words.includes(oneLine(spec.description)), spec.description);
  });

  Deno.test(`the manual page has all notes of ${title}`, async () => {
    const words = oneLine((await renderPage()).text);
    const { paragraphs, sections } = parseNotes(spec.notes);
    for (const paragraph of paragraphs) assert(words.includes(oneLine(paragraph)), paragraph);
    for (const { term, description } of sections.flatMap(({ entries }) => entries)) {
      const row = oneLine(`${term} ${description}`);
      assert(words.includes(row), row);
    }
  });
}

Deno.test("the manual page keeps exit statuses apart that differ", async () => {
  const common = { summary: "", description: "Do it.", options: {} };
  const notes = "Exit status:\n  0  done";
  const commands: CommandSpec[] = [
    { ...common, name: "", notes: `${notes} well` },
    { ...common, name: "a", notes },
    { ...common, name: "b", notes },
    { ...common, name: "c", notes },
  ];
  const { text } = await renderRoff(manualPage(commands, "1", "2026-11-22"));
  const part = oneLine(between(text, /^EXIT STATUS$/, /^[A-Z]|^vrft/));
  assert.equal(part, "vrft: 0 done well vrft a, vrft b and vrft c: 0 done");
});

Deno.test("the manual page keeps notes under other headings with their command", async () => {
  const commands: CommandSpec[] = [
    { name: "", summary: "", description: "Do it.", options: {}, notes: "" },
    { name: "a", summary: "", description: "Do.", options: {}, notes: "Marks:\n  *  many" },
  ];
  const { text, warnings } = await renderRoff(manualPage(commands, "1", "2026-11-22"));
  assert.equal(warnings, "");
  assert.equal(
    oneLine(between(text, /^COMMANDS$/, /^vrft/)),
    "vrft a [OPTION]... Do. Marks: * many",
  );
});

Deno.test("scripts/man.ts prints the manual page of the grammar", async () => {
  const args = ["run", "--quiet", "scripts/man.ts", "1.2.3", "2026-11-22"];
  const { stdout, stderr } = await attempt("deno", args);
  assert.equal(stderr, "");
  assert.equal(stdout, PAGE);
});

/** The first line that matches `start`, unless it heads a section, and all up to the next that matches `end`. */
function between(text: string, start: RegExp, end: RegExp): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => start.test(line));
  assert.notEqual(first, -1, `${start} is not in the page`);
  const length = lines.slice(first + 1).findIndex((line) => end.test(line));
  const isSection = /^[A-Z]/.test(lines[first]!);
  return lines.slice(isSection ? first + 1 : first, first + 1 + length).join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
