import assert from "node:assert/strict";
import { COMMANDS, flagsOf } from "../../src/cli/grammar.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { codeOf, type Document, DOCUMENTS, ROOT } from "./markdown.ts";

/** Options of Deno that the documents name. */
const DENO_OPTIONS = ["--allow-all", "--single-threaded"];

const VRFT_OPTIONS = COMMANDS.flatMap(({ options }) =>
  Object.entries(options).flatMap(([long, option]) => flagsOf(long, option))
);

for (const document of DOCUMENTS) {
  Deno.test(`command lines of vrft in ${document.path} parse`, () => {
    for (const line of commandLines(document, /^(?:sudo )?vrft\b/)) {
      const [, ...args] = wordsOf(line.replace(/^sudo /, ""));
      const invocation = parseArguments(args, "vrft\n");
      assert.notEqual(invocation.command, "misuse", `${line}: ${JSON.stringify(invocation)}`);
    }
  });

  Deno.test(`options of scripts in ${document.path} are in the script's usage`, async () => {
    for (const line of commandLines(document, /^scripts\/\w+ /)) {
      const [script = "", ...args] = wordsOf(line.replace(/ -- .*/, ""));
      const text = await Deno.readTextFile(new URL(script, ROOT));
      for (const flag of args.filter((word) => word.startsWith("--"))) {
        assert.match(text, new RegExp(`(^|[ [|])${flag}\\b`, "m"), line);
      }
    }
  });

  Deno.test(`options named alone in ${document.path} are vrft's`, () => {
    for (const line of commandLines(document, /^-/)) {
      const [flag = ""] = wordsOf(line);
      assert([...VRFT_OPTIONS, ...DENO_OPTIONS].includes(flag), line);
    }
  });
}

Deno.test("README.md shows command lines of vrft", () => {
  assert(commandLines(DOCUMENTS[0]!, /^vrft\b/).length > 5);
});

/** Code that begins like `start`, without comments. */
function commandLines(document: Document, start: RegExp): string[] {
  return codeOf(document).filter((line) => start.test(line)).map((line) =>
    line.replace(/ +# .*/, "")
  );
}

/** Words as a shell splits them; in the documents quotes enclose whole words. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
}
