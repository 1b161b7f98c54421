import assert from "node:assert/strict";
import { processCpuMs } from "../../src/sys/cpu_time.ts";

Deno.test("processCpuMs() counts the CPU time that is used, in user space and in the kernel", () => {
  for (const work of [(): unknown => Math.hypot(1, 2), (): unknown => Deno.statSync("/")]) {
    const start = processCpuMs();
    const begin = performance.now();
    let used = 0;
    while (used < 30) {
      work();
      used = processCpuMs() - start;
      assert.ok(performance.now() - begin < 60_000, `${used} ms in a minute`);
    }
    // Several threads of Deno's can be busy, though not that many.
    assert.ok(used <= (performance.now() - begin) * navigator.hardwareConcurrency + 20, `${used}`);
  }
});

Deno.test("processCpuMs() does not count time that passes", async () => {
  const start = processCpuMs();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(processCpuMs() - start < 250);
});
