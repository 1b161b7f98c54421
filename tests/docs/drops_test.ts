import assert from "node:assert/strict";
import { DROP_CAUSES, UNCOUNTED_LOSSES } from "../../src/vrouter/drop_causes.ts";
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

Deno.test("docs/drops.md explains each reason, and no other", () => {
  const found = sections("Reasons", "###");
  assert.deepEqual(found.map(([heading]) => heading), KNOWN_REASONS.map(({ label }) => label));
  for (const [index, [heading, section]] of found.entries()) {
    const reason = KNOWN_REASONS[index]!;
    assert.ok(section.includes(`\`${reason.name}\`, ${reason.class}`), heading);
    for (const older of reason.older) assert.ok(section.includes(older), heading);
    assert.ok(joined(section).includes(reason.meaning), heading);
    assert.equal(section.includes("```"), reason.hints.length > 0, heading);
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
  for (const { words, meaning, class: kind } of DROP_CAUSES) {
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
