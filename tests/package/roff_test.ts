import assert from "node:assert/strict";
import { bold, italic, literal, prose } from "../../scripts/man/roff.ts";
import { Random } from "../support/random.ts";
import { renderRoff } from "./groff.ts";

Deno.test("literal() keeps each character that roff would change", () => {
  assert.equal(literal(`-x '*_a' ~/\\n "^\``), "\\-x \\(aq*_a\\(aq \\(ti/\\(rsn \\(dq\\(ha\\(ga");
});

Deno.test("literal() and prose() make no command of a leading period", () => {
  assert.equal(literal(".so /etc/passwd"), "\\&.so /etc/passwd");
  assert.equal(prose(".so is. .SH too"), "\\&.so is. .SH too");
  assert.equal(prose("'br"), "\\(aqbr");
});

Deno.test("bold() and italic() end with the common font", () => {
  assert.equal(bold("-n"), "\\fB\\-n\\fR");
  assert.equal(italic("FILE"), "\\fIFILE\\fR");
});

Deno.test("prose() tells hyphens from the dashes of options and paths", () => {
  assert.equal(
    prose("well-known, --no-vrouter, (pahole -J), a - b, /lib/x-y, --a=b-c"),
    "well-known, \\-\\-no\\-vrouter, (pahole \\-J), a \\- b, /lib/x\\-y, \\-\\-a=b\\-c",
  );
});

Deno.test("prose() begins sentences on new lines and keeps lines short", () => {
  assert.equal(prose("One is. Two is? Three."), "One is.\nTwo is?\nThree.");
  const lines = prose("words and ".repeat(40)).split("\n");
  assert(lines.length > 4);
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("prose() guards a period that wrapping puts in front", () => {
  const text = `${"x".repeat(76)} .SH NAME`;
  assert.equal(prose(text), `${"x".repeat(76)}\n\\&.SH NAME`);
});

Deno.test("literal() writes other characters by their numbers", () => {
  assert.equal(literal("✔ naïve 🜚"), "\\[u2714] na\\[u00EF]ve \\[u1F71A]");
});

const SEED = 20261122;
const TEXTS = 300;

Deno.test(`roff renders ${TEXTS} hostile texts as they are (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const pieces = [..."\\.'`\"^~-%#{}[]()*$&<>|@:;,!? ✔ab1", "\\fB", "\\n", ".SH", "..", "e.", "é"];
  const texts = Array.from({ length: TEXTS }, () => {
    const text = Array.from({ length: 1 + random.int(60) }, () => random.pick(pieces)).join("");
    return text.trim().replace(/ +/g, " ") || "-";
  });
  for (const write of [literal, prose]) {
    const source = texts.map((text) => `.PP\n${write(text)}`);
    const page = [".TH T 1", ".SH S", ".nh", ".ad l", ".ll 500n", ...source].join("\n");
    const { text, warnings } = await renderRoff(`${page}\n`);
    assert.equal(warnings, "");
    const rendered = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    // The page's head and foot, and the section's heading.
    assert.deepEqual(rendered.slice(2, -1).map(singleSpaces), texts, write.name);
  }
});

/** Behind a sentence there are two. */
function singleSpaces(text: string): string {
  return text.replace(/ +/g, " ");
}
