import assert from "node:assert/strict";
import { DROPS_OPTIONS, TRACE_OPTIONS } from "../../src/cli/grammar.ts";
import { DROP_CAUSES, type DropCause, UNCOUNTED_LOSSES } from "../../src/vrouter/drop_causes.ts";
import { dropHints } from "../../src/vrouter/drop_hints.ts";
import { KNOWN_REASONS } from "../../src/vrouter/known_drop_reasons.ts";
import { documentAt, tableRows } from "./markdown.ts";

const { text } = documentAt("docs/drops.md");

/** Headings of that level and the text up to the next heading, in the part that starts with `title`. */
function sections(title: string, level: string): [string, string][] {
  const from = text.indexOf(`\n## ${title}\n`);
  assert.ok(from >= 0, title);
  const part = text.slice(from + 1).split(/\n(?=## )/)[0]!;
  return part.split(/\n(?=#+ )/).flatMap((section) => {
    const [, marks, heading] = /^(#+) (.*)/.exec(section) ?? [];
    return marks === level ? [[heading!, section] as [string, string]] : [];
  });
}

/** On one line, as lines are wrapped. */
function joined(section: string): string {
  return section.replace(/\s+/g, " ");
}

/** The commands that a section says to run. */
function commandsIn(section: string): string[] {
  const [, list = ""] = / Run (`.*`)\.$/.exec(joined(section).trimEnd()) ?? [];
  return Array.from(list.matchAll(/`([^`]+)`/g), ([, command]) => command!);
}

/** What `--hints` prints, with names for the ids. */
function commandsOf(reason: string, cause: DropCause | null): string[] {
  const ids = { vif: 1, flow: 1, vrf: 1, nexthop: 1, label: 2, vnid: 3 };
  const names = ["", "N", "LABEL", "VNID"];
  return dropHints(reason, cause, { ...ids, address: "ADDRESS", mac: "MAC" })
    .map((command) => command.replace(/(?<= )[123](?= |$)/g, (id) => names[Number(id)]!));
}

Deno.test("docs/drops.md explains each reason, and no other", () => {
  const found = sections("Reasons", "###");
  assert.deepEqual(found.map(([heading]) => heading), KNOWN_REASONS.map(({ label }) => label));
  for (const [index, [heading, section]] of found.entries()) {
    const reason = KNOWN_REASONS[index]!;
    assert.ok(section.includes(`\`${reason.name}\`, ${reason.class}`), heading);
    for (const older of reason.older) assert.ok(section.includes(older), heading);
    assert.ok(joined(section).includes(reason.meaning), heading);
    assert.deepEqual(commandsIn(section), commandsOf(reason.name, null), heading);
  }
});

Deno.test("docs/drops.md explains each cause under its reason, and no other", () => {
  const reasons = text.slice(text.indexOf("\n## Reasons\n")).split(/\n(?=### )/);
  const found = reasons.flatMap((part) => {
    const name = /`(VP_DROP_\w+)`/.exec(part)?.[1];
    return Array.from(part.matchAll(/^#### (.*)$/gm), ([, words]) => `${name} ${words}`);
  });
  const known = DROP_CAUSES.map(({ reason, words }) => `${reason} ${words}`);
  assert.deepEqual(found.toSorted(), known.toSorted());
  const sectionOf = new Map(sections("Reasons", "####"));
  for (const cause of DROP_CAUSES) {
    const { reason, words, meaning, class: kind } = cause;
    assert.deepEqual(commandsIn(sectionOf.get(words)!), commandsOf(reason, cause), words);
    assert.ok(joined(sectionOf.get(words)!).includes(meaning), words);
    if (kind !== undefined) assert.ok(sectionOf.get(words)!.includes(`Class: ${kind}`), words);
  }
});

Deno.test("docs/drops.md has each loss that the module does not count", () => {
  const found = sections("Losses that the module does not count", "###");
  assert.deepEqual(found.map(([heading]) => heading), UNCOUNTED_LOSSES.map(({ words }) => words));
  for (const [index, [heading, section]] of found.entries()) {
    const { fn, meaning } = UNCOUNTED_LOSSES[index]!;
    assert.ok(joined(section).includes(`\`${fn}()\`, lost ${meaning}`), heading);
  }
});

Deno.test("docs/drops.md has each class", () => {
  const classes = tableRows(text, "Class").map(([kind]) => kind!);
  assert.deepEqual(classes, ["lost", "policy", "housekeeping", "counted", "unknown"]);
  for (const { class: kind } of KNOWN_REASONS) assert.ok(classes.includes(kind), kind);
});

Deno.test("docs/drops.md names each option that is of drops alone", () => {
  const options = tableRows(text, "Option").map(([option]) => option);
  const trace = new Set(Object.keys(TRACE_OPTIONS));
  const own = Object.keys(DROPS_OPTIONS).filter((name) => !trace.has(name));
  // How drops are printed is told in the help.
  const explained = own.filter((name) => name !== "lines" && name !== "json");
  assert.deepEqual(options.toSorted(), explained.map((name) => `\`--${name}\``).toSorted());
});
