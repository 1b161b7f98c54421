import assert from "node:assert/strict";
import { canMove, isColoured } from "../../src/commands/colour.ts";

const TERMINAL = { isTerminal: true, noColor: false, isDumb: false };
const PIPE = { isTerminal: false, noColor: false, isDumb: false };
const NO_COLOR = { isTerminal: true, noColor: true, isDumb: false };
const DUMB = { isTerminal: true, noColor: false, isDumb: true };

Deno.test("Output is coloured on a terminal, unless NO_COLOR is set or it goes to a file", () => {
  assert.equal(isColoured("auto", null, TERMINAL), true);
  assert.equal(isColoured("auto", null, PIPE), false);
  assert.equal(isColoured("auto", null, NO_COLOR), false);
  assert.equal(isColoured("auto", "trace.txt", TERMINAL), false);
});

Deno.test("a terminal that is dumb gets neither colours nor a table", () => {
  assert.equal(isColoured("auto", null, DUMB), false);
  assert.equal(canMove(null, DUMB), false);
  assert.equal(canMove(null, NO_COLOR), true);
  assert.equal(canMove(null, PIPE), false);
  assert.equal(canMove("drops.txt", TERMINAL), false);
});

Deno.test("--color always and never win over NO_COLOR and over where the output goes", () => {
  for (const stdout of [TERMINAL, PIPE, NO_COLOR, DUMB]) {
    for (const output of [null, "trace.txt"]) {
      assert.equal(isColoured("always", output, stdout), true);
      assert.equal(isColoured("never", output, stdout), false);
    }
  }
});
