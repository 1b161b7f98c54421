import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";
import { compileFilters } from "../../src/packet/expression.ts";
import { documentAt } from "./markdown.ts";

/** The command lines of the document's blocks, as words. */
function commandLines(): string[][] {
  const { text } = documentAt("docs/filters.md");
  const blocks = [...text.matchAll(/^```\n(.*?)^```$/gms)].map(([, block]) => block!);
  return blocks.join("").split("\n").filter((line) => line.startsWith("vrft ")).map((line) =>
    Array.from(
      line.replace(/ +# .*/, "").matchAll(/'([^']*)'|(\S+)/g),
      ([, quoted, plain]) => quoted ?? plain!,
    ).slice(1)
  );
}

Deno.test("the filters of docs/filters.md compile", async () => {
  const lines = commandLines();
  assert.ok(lines.length > 5);
  for (const args of lines) {
    const invocation = parseArguments(args, "");
    assert.ok(invocation.command === "trace", args.join(" "));
    const { filters, conditions } = invocation.options;
    const filter = await compileFilters(filters);
    const conditional = Object.values(conditions).some((values) => values.length > 0);
    assert.ok(filter !== null || conditional, args.join(" "));
  }
});
