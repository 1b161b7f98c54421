import assert from "node:assert/strict";
import { exists, readText } from "../../src/sys/files.ts";

Deno.test("readText() and exists() take what is not there for nothing", () => {
  assert.match(readText("/proc/self/status")!, /^Name:/);
  assert.equal(readText("/proc/self/nowhere"), null);
  assert.equal(exists("/proc/self"), true);
  assert.equal(exists("/proc/self/nowhere"), false);
});
