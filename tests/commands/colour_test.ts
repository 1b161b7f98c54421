import assert from "node:assert/strict";
import { isColoured } from "../../src/commands/colour.ts";

const TERMINAL = { isTerminal: true, noColor: false };
const PIPE = { isTerminal: false, noColor: false };
const NO_COLOR = { isTerminal: true, noColor: true };

Deno.test("Output is coloured on a terminal, unless NO_COLOR is set or it goes to a file", () => {
  assert.equal(isColoured("auto", null, TERMINAL), true);
  assert.equal(isColoured("auto", null, PIPE), false);
  assert.equal(isColoured("auto", null, NO_COLOR), false);
  assert.equal(isColoured("auto", "trace.txt", TERMINAL), false);
});

Deno.test("--color always and never win over NO_COLOR and over where the output goes", () => {
  for (const stdout of [TERMINAL, PIPE, NO_COLOR]) {
    for (const output of [null, "trace.txt"]) {
      assert.equal(isColoured("always", output, stdout), true);
      assert.equal(isColoured("never", output, stdout), false);
    }
  }
});
