import assert from "node:assert/strict";
import { cellsOf, cut, fitted } from "../../src/output/cells.ts";

Deno.test("cells are what a terminal uses, not characters", () => {
  assert.equal(cellsOf("tap0"), 4);
  assert.equal(cellsOf("网卡"), 4);
  assert.equal(cellsOf("e\u0301"), 1);
  assert.equal(cellsOf("🦆"), 2);
});

Deno.test("text is cut with an ellipsis, never within a character, and filled up", () => {
  assert.equal(cut("abcdef", 6), "abcdef");
  assert.equal(cut("abcdefg", 6), "abcde…");
  assert.equal(cut("网卡网卡", 6), "网卡…");
  assert.equal(cut("abc", 0), "");
  assert.equal(fitted("网卡网卡", 6), "网卡… ");
  assert.equal(fitted("12", 4, true), "  12");
});
