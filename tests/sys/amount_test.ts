import assert from "node:assert/strict";
import { amount, percent } from "../../src/sys/amount.ts";

Deno.test("amount() sets thousands apart", () => {
  assert.deepEqual(
    [0, 7, 999, 1000, 12_345, 123_456, 1_234_567, 2 ** 53 - 1].map(amount),
    ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567", "9,007,199,254,740,991"],
  );
});

Deno.test("percent() is exact where shares are small", () => {
  assert.deepEqual([0, 0.04, 0.35, 9.94, 9.96, 50, 99.6, 1234].map(percent), [
    "0 %",
    "0 %",
    "0.4 %",
    "9.9 %",
    "10 %",
    "50 %",
    "100 %",
    "1,234 %",
  ]);
});
