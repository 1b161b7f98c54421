import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";

// In the bundle the framework finds stubs in place of Node's modules.

const BUNDLE = new URL("../../build/vrft", import.meta.url).pathname;

/** What the bundle answers: exit status, stdout and stderr. */
function answer(args: readonly string[]): [number, string, string] {
  const { code, stdout, stderr } = new Deno.Command(BUNDLE, { args: [...args] }).outputSync();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

Deno.test("the bundle needs none of Node's modules", () => {
  const imports = Deno.readTextFileSync(BUNDLE).match(/^import .*/gm) ?? [];
  assert.deepEqual(imports.filter((line) => line.includes("node:")), []);
});

Deno.test("the bundle wraps no file as CommonJS, whose import() lists every byte", () => {
  assert.ok(!Deno.readTextFileSync(BUNDLE).includes("__commonJS("));
});

Deno.test("the bundle reads its arguments as the sources do", () => {
  for (
    const args of [
      ["--help"],
      ["functions", "--help"],
      ["help", "interfaces"],
      ["--bogus"],
      ["functions", "--bogus"],
      ["-n", "x"],
      ["help", "functoins"],
    ]
  ) {
    const { command, ...rest } = parseArguments(args, "");
    const text = "text" in rest ? rest.text : assert.fail(args.join(" "));
    const expected = command === "show" ? [0, text, ""] : [2, "", `vrft: ${text}`];
    assert.deepEqual(answer(args), expected, args.join(" "));
  }
});
