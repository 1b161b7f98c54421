import assert from "node:assert/strict";
import { assertFailure, runLimited, SHORT } from "./limited.ts";
import { leftovers, must, parse, settle, summary, vrftArguments } from "./support.ts";
import { Talking } from "./talking.ts";

/** Runs `action` with a control group of 256 MB, given as the shell command that enters it. */
async function inSmallGroup(action: (enter: string) => Promise<void>): Promise<void> {
  const root = "/sys/fs/cgroup";
  const group = `${root}/small`;
  await Deno.writeTextFile(`${root}/cgroup.subtree_control`, "+memory");
  await Deno.mkdir(group);
  try {
    await Deno.writeTextFile(`${group}/memory.max`, "256M");
    await action(`echo $$ >${group}/cgroup.procs`);
    const events = await Deno.readTextFile(`${group}/memory.events`);
    assert.match(events, /^oom_kill 0$/m);
  } finally {
    await Deno.remove(group);
  }
}

Deno.test("256 MB of memory are enough for all functions and a flood", async () => {
  await settle();
  await inSmallGroup(async (enter) => {
    const directory = await Deno.makeTempDir();
    const file = `${directory}/trace`;
    const ready = `${directory}/ready`;
    const args = vrftArguments(["-o", file, "--ready-file", ready]);
    await using vrft = new Talking(["sh", "-c", `${enter} && exec vrft "$@"`, "sh", ...args]);
    await vrft.says(/100% \|/);
    while (await Deno.stat(ready).catch(() => null) === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await must("ip", "netns", "exec", "vm1", "ping", "-q", "-f", "-c", "500", "10.1.1.2");
    const { code, stderr } = await vrft.end("SIGINT");
    assert.equal(code, 0, stderr);
    assert.equal(summary(stderr).get("events lost"), 0, stderr);
    assert.ok(parse(await Deno.readTextFile(file)).calls.length > 10_000);
  });
  assert.deepEqual(await leftovers(), []);
});

Deno.test("A ring buffer that the memory limit does not allow is refused by its option", async () => {
  await inSmallGroup(async (enter) => {
    const ended = await runLimited(enter, [...SHORT, "--buffer", "512M"]);
    await assertFailure(ended, /no memory for ring buffers of 524288 KiB.*--buffer/);
  });
});
