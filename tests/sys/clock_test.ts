import assert from "node:assert/strict";
import { monotonicClock, namespaceOffset } from "../../src/sys/clock.ts";
import { testUnless } from "../support/skip.ts";

Deno.test("monotonicClock() does not go back", () => {
  const clock = monotonicClock();
  const first = clock();
  assert.ok(first > 0 && clock() >= first);
});

Deno.test("namespaceOffset() reads the kernel's list", () => {
  const text = "monotonic       -3600 500000000\nboottime            7         0\n";
  assert.deepEqual(namespaceOffset(text), { seconds: -3600, nanoseconds: 500_000_000 });
  assert.deepEqual(namespaceOffset(""), { seconds: 0, nanoseconds: 0 });
});

const UNSHARE = ["unshare", "-T", "--monotonic=3600"];

async function inNamespace(...command: string[]): Promise<{ success: boolean; stdout: string }> {
  const [program, ...args] = [...UNSHARE, ...command] as [string, ...string[]];
  try {
    const output = await new Deno.Command(program, { args, stderr: "null" }).output();
    return { success: output.success, stdout: new TextDecoder().decode(output.stdout) };
  } catch {
    return { success: false, stdout: "" };
  }
}

const refused = (await inNamespace("true")).success ? "" : "no time namespace can be made here";

testUnless(refused, "monotonicClock() is that of the kernel in a time namespace", async () => {
  const clock = monotonicClock();
  const file = new URL("../../src/sys/clock.ts", import.meta.url);
  const script = `import { monotonicClock } from "${file}"; console.log(monotonicClock()());`;
  const before = clock();
  const { stdout } = await inNamespace(Deno.execPath(), "eval", "--no-lock", script);
  assert.ok(before < Number(stdout) && Number(stdout) < clock(), stdout);
});
