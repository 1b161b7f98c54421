import assert from "node:assert/strict";
import { spread } from "../../src/probe/target.ts";

Deno.test("spread() takes as many as there are, each once", () => {
  const targets = Array.from({ length: 100 }, (_, index) => ({ index }));
  for (const count of [1, 3, 32, 100, 500]) {
    const some = spread(targets, count);
    assert.equal(some.length, Math.min(count, 100));
    assert.equal(new Set(some).size, some.length);
  }
  assert.deepEqual(spread([], 3), []);
});
