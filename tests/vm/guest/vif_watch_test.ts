import assert from "node:assert/strict";
import { must, vrftArguments } from "./support.ts";
import { Talking } from "./talking.ts";

const FEW = ["-f", "vm_rx"];

/** Starts a trace, and waits until every probe is live. */
async function live(...args: string[]): Promise<Talking> {
  const directory = Deno.makeTempDirSync();
  const ready = `${directory}/ready`;
  using watcher = Deno.watchFs(directory);
  const talking = new Talking(["vrft", ...vrftArguments([...args, "--ready-file", ready])]);
  for await (const { paths } of watcher) if (paths.includes(ready)) break;
  return talking;
}

Deno.test("A vif that is added or deleted during a trace of all vifs is told of", async () => {
  await must("ip", "link", "add", "old0", "type", "dummy");
  try {
    await using talking = await live(...FEW);
    await must("ip", "link", "add", "new0", "type", "dummy");
    await must("vif-add", "new0", "8");
    await talking.says(/A vif was added during the trace and not traced: vif0\/8 \(new0\)/);
    await must("ip", "link", "delete", "new0");
    await talking.says(/A vif was deleted during the trace: vif0\/8 \(new0\)/);
    // Not announced, as its device already existed.
    await must("vif-add", "old0", "9");
    const { code, stderr } = await talking.end("SIGINT");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /A vif was added during the trace and not traced: vif0\/9 \(old0\)/);
    assert.equal(stderr.match(/during the trace/g)?.length, 3, stderr);
  } finally {
    await must("ip", "link", "delete", "old0");
  }
});
