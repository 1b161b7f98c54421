import assert from "node:assert/strict";
import { editDistance, nearest } from "../../src/sys/similar.ts";

Deno.test("editDistance() counts letters inserted, deleted, replaced and swapped", () => {
  for (
    const [from, to, distance] of [
      ["", "", 0],
      ["", "abc", 3],
      ["tap", "tap", 0],
      ["tap", "tap1", 1],
      ["tap1", "tap", 1],
      ["tap1", "tap2", 1],
      ["tpa1", "tap1", 1],
      ["kitten", "sitting", 3],
    ] as const
  ) {
    assert.equal(editDistance(from, to), distance, `${from} ${to}`);
    assert.equal(editDistance(to, from), distance, `${to} ${from}`);
  }
});

Deno.test("editDistance() gives a word up that is too long for its limit", () => {
  assert.equal(editDistance("x".repeat(10_000_000), "tap1", 2), Infinity);
});

Deno.test("nearest() ranks what is within the tolerance, a beginning before two wrong letters", () => {
  const known = ["discards", "duplicate", "discard", "disk"];
  assert.deepEqual(nearest("discrad", known, { limit: () => 2 }), ["discard", "discards"]);
  assert.deepEqual(nearest("di", known, { limit: () => 2, beginnings: true }), [
    "discards",
    "discard",
    "disk",
  ]);
  assert.deepEqual(nearest("di", known, { limit: () => 1 }), []);
});
