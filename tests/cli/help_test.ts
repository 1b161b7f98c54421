import assert from "node:assert/strict";
import { COMMANDS, flagsOf } from "../../src/cli/grammar.ts";
import { parseArguments } from "../../src/cli/program.ts";

for (const { name, options } of COMMANDS) {
  const words = name === "" ? [] : [name];

  Deno.test(`the help of ${["vrft", ...words].join(" ")} is unchanged`, async (t) => {
    await t.assertSnapshot(helpText(words));
  });

  Deno.test(`the help of ${["vrft", ...words].join(" ")} fits 80 columns and names each option`, () => {
    const text = helpText(words);
    for (const line of text.split("\n")) assert(line.length <= 80, line);
    for (const [long, option] of Object.entries(options)) {
      for (const flag of flagsOf(long, option)) {
        assert.match(text, new RegExp(`(^| )${flag}\\b`, "m"));
      }
    }
  });
}

function helpText(words: readonly string[]): string {
  const invocation = parseArguments([...words, "--help"], "1.2.3\n");
  assert.equal(invocation.command, "show");
  return (invocation as { text: string }).text;
}
