import assert from "node:assert/strict";
import { must, settle, traceWhile } from "./support.ts";

/** Packets that a qdisc has dropped, by its own counter. */
async function droppedBy(device: string): Promise<number> {
  const [qdisc] = JSON.parse(await must("tc", "-s", "-j", "qdisc", "show", "dev", device));
  return qdisc.drops;
}

/** Sends an echo request from vm1 that nobody answers. */
async function unanswered(address: string): Promise<void> {
  const args = ["netns", "exec", "vm1", "ping", "-c", "1", "-W", "1", address];
  await new Deno.Command("ip", { args, stdout: "null" }).output();
}

/** Trees of a trace: rows up to one that is not indented and closes a call. */
function trees(stdout: string): string[] {
  const rows = stdout.split("\n").slice(1).map((row) => row.slice(25).trimEnd());
  return rows.join("\n").split(/(?<=^\})\n/m).filter((tree) => tree.trim() !== "");
}

Deno.test("--path shows the calls of what a qdisc drops, and one drop for what vrouter drops", async () => {
  const neighbour = ["10.1.1.77", "lladdr", "02:00:00:00:00:99", "dev", "eth0"];
  await settle();
  await must("ip", "-n", "vm1", "neigh", "replace", ...neighbour);
  await must("tc", "qdisc", "replace", "dev", "tap2", "root", "blackhole");
  try {
    const before = await droppedBy("tap2");
    const args = ["drops", "--path", "icmp and src host 10.1.1.1", "--fail-on-drop"];
    const { code, stdout, stderr } = await traceWhile(args, async () => {
      await unanswered("10.1.1.2");
      await unanswered("10.1.1.77");
    });
    assert.equal(await droppedBy("tap2") - before, 1, "by the qdisc itself");
    assert.match(stderr, / 2 drops: 2 lost; /);
    assert.equal(code, 1);
    const dropped = trees(stdout).filter((tree) => /\/\* /.test(tree));
    assert.equal(dropped.length, 2, stdout);
    assert.match(dropped[0]!, /dev_queue_xmit[^]*\/\* dropped by the kernel(: QDISC_DROP)? \*\//);
    assert.match(dropped[1]!, /lh_pfree\(\) \{ {2}\/\* No L2 Route \*\//);
    assert.doesNotMatch(dropped[1]!, /dropped by the kernel/);
  } finally {
    await must("tc", "qdisc", "delete", "dev", "tap2", "root");
    await must("ip", "-n", "vm1", "neigh", "delete", ...neighbour.slice(0, 1), "dev", "eth0");
  }
});
