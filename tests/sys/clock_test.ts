import assert from "node:assert/strict";
import { monotonicTime } from "../../src/sys/clock.ts";

Deno.test("monotonicTime() is the clock of /proc/uptime, but for suspends, and does not go back", () => {
  const first = monotonicTime();
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1e9;
  assert.ok(first > 0 && first < uptime + 1e9);
  assert.ok(monotonicTime() >= first);
});
