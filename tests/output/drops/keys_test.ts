import assert from "node:assert/strict";
import { Keys } from "../../../src/output/drops/keys.ts";

function keysOf(...pieces: string[]): string[] {
  const keys = new Keys();
  return pieces.flatMap((piece) => keys.read(new TextEncoder().encode(piece)));
}

Deno.test("characters are keys, and those that send sequences have names", () => {
  assert.deepEqual(keysOf("sg \r?"), ["s", "g", " ", "enter", "?"]);
  assert.deepEqual(keysOf("\x1b[A\x1bOB\x1b[5~"), ["up", "down", "page up"]);
});

Deno.test("a sequence may come in pieces, and unknown ones are left out whole", () => {
  assert.deepEqual(keysOf("\x1b", "[", "A"), ["up"]);
  assert.deepEqual(keysOf("\x1b[1;5Cq\x1b[15~s"), ["q", "s"]);
  assert.deepEqual(keysOf("\x1bq"), ["q"]);
  assert.deepEqual(keysOf("\xff\x00\x01q").slice(-1), ["q"]);
});
