import assert from "node:assert/strict";
import { amount, counted, countsInWords, percent } from "../../src/sys/amount.ts";

Deno.test("amount() sets thousands apart", () => {
  assert.deepEqual(
    [0, 7, 999, 1000, 12_345, 123_456, 1_234_567, 2 ** 53 - 1].map(amount),
    ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567", "9,007,199,254,740,991"],
  );
});

Deno.test("counted() has the noun in the number of the count", () => {
  assert.deepEqual(
    [0, 1, 2, 1000].map((count) => counted(count, "probe hit")),
    ["0 probe hits", "1 probe hit", "2 probe hits", "1,000 probe hits"],
  );
  assert.deepEqual(
    [...countsInWords([[1, "event", " lost"], [0, "call", " left out"], [3, "row", ""]])],
    ["1 event lost", "3 rows"],
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
