import assert from "node:assert/strict";
import { localDateTime, localTime, universalTime } from "../../../src/output/drops/wall_clock.ts";

Deno.test("times of the monotonic clock are told as those of the wall clock", () => {
  const at = new Date(2026, 10, 26, 14, 3, 7, 412);
  const offset = BigInt(at.getTime()) * 1_000_000n - 5_000_000_000n;
  assert.equal(localTime(5_000_345_678n, offset), "14:03:07.412");
  assert.equal(localTime(5_000_000_000n - 408_000_000n, offset), "14:03:07.004");
  assert.equal(localDateTime(5_000_345_678n, offset), "2026/11/26 14:03:07.412");
});

Deno.test("JSON has them to the nanosecond", () => {
  const offset = BigInt(Date.UTC(2026, 10, 26, 13, 3, 7)) * 1_000_000n;
  assert.equal(universalTime(12_005n, offset), "2026-11-26T13:03:07.000012005Z");
  assert.equal(universalTime(1_999_999_999n, offset), "2026-11-26T13:03:08.999999999Z");
});
