import assert from "node:assert/strict";
import { must, run, vrftArguments } from "./support.ts";
import { Talking } from "./talking.ts";

const FEW = ["-f", "vm_rx", "--show", "vif"];

/** Starts a trace, and waits until every probe is live. */
async function live(...args: string[]): Promise<Talking> {
  const directory = Deno.makeTempDirSync();
  const ready = `${directory}/ready`;
  using watcher = Deno.watchFs(directory);
  const talking = new Talking(["vrft", ...vrftArguments([...args, "--ready-file", ready])]);
  for await (const { paths } of watcher) if (paths.includes(ready)) break;
  return talking;
}

/** Commands of ip(8). */
async function ip(...lines: readonly string[]): Promise<void> {
  for (const line of lines) await must("ip", ...line.split(" "));
}

Deno.test("A trace of all vifs goes on with those that are added, and says so", async () => {
  const output = Deno.makeTempFileSync();
  await ip(
    "netns add peer",
    "link add new0 type veth peer name far0 netns peer",
    "-n peer addr add 10.77.0.1/24 dev far0",
    "-n peer link set far0 up",
    "link set new0 up",
  );
  try {
    await using talking = await live(...FEW, "-o", output);
    // Not announced by the kernel, as its device was there before.
    await must("vif-add", "new0", "8");
    await talking.says(
      /A vif was added during the trace, and traced from now on: vif0\/8 \(new0\)/,
    );
    // Nobody answers; asking is enough.
    await run("ip", ["netns", "exec", "peer", "ping", "-c", "1", "-W", "1", "10.77.0.9"]);
    await ip("link delete new0");
    await talking.says(/A vif was deleted during the trace: vif0\/8 \(new0\)/);
    const { code, stderr } = await talking.end("SIGINT");
    assert.equal(code, 0, stderr);
    assert.match(Deno.readTextFileSync(output), /vif0\/8 new0/, stderr);
    assert.equal(stderr.match(/during the trace/g)?.length, 2, stderr);
  } finally {
    await ip("netns delete peer");
  }
});
