import assert from "node:assert/strict";
import { onlineCpus, parseCpuList } from "../../src/sys/cpus.ts";

Deno.test("parseCpuList() reads ranges and single CPUs, as the kernel writes them", () => {
  assert.deepEqual(parseCpuList("0-3,5\n"), [0, 1, 2, 3, 5]);
  assert.deepEqual(parseCpuList("0\n"), [0]);
  for (const text of ["", "\n", "a", "1-", "-1", "1,,2", "1 2"]) {
    assert.equal(parseCpuList(text), null, text);
  }
});

Deno.test("onlineCpus() finds the CPUs of this machine", () => {
  assert.ok(onlineCpus().length >= navigator.hardwareConcurrency);
});
