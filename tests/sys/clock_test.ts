import assert from "node:assert/strict";
import { monotonicClock, namespaceOffset, wallClockOffset } from "../../src/sys/clock.ts";
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

Deno.test("wallClockOffset() leads from the monotonic clock to the wall clock", () => {
  const wall = monotonicClock()() + Number(wallClockOffset());
  assert.ok(Math.abs(wall / 1e6 - Date.now()) < 1000);
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

testUnless(refused, "both clocks are those of the kernel in a time namespace", async () => {
  const clock = monotonicClock();
  const file = new URL("../../src/sys/clock.ts", import.meta.url);
  const script = `import { monotonicClock, wallClockOffset } from "${file}";
    console.log(monotonicClock()(), Number(wallClockOffset()));`;
  const before = clock();
  const { stdout } = await inNamespace(Deno.execPath(), "eval", "--no-lock", script);
  const [time = NaN, offset = NaN] = stdout.split(" ").map(Number);
  assert.ok(before < time && time < clock(), stdout);
  assert.ok(Math.abs(offset - Number(wallClockOffset())) < 1e9, stdout);
});
