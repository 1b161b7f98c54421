import assert from "node:assert/strict";
import { run, settle, Trace } from "./support.ts";

/** What of a packet's object is looked at. */
interface Packet {
  readonly type: string;
  readonly packet: string;
  readonly duration: number;
  readonly stages: readonly { readonly name: string; readonly duration: number }[];
  readonly outcome: { readonly type: string; readonly vif: { readonly index: number } | null };
  readonly decisions: readonly { readonly type: string; readonly key?: string }[];
}

Deno.test("Both packets of a ping are delivered, by the bridge route of their address, within its RTT", async () => {
  await settle();
  await using trace = await Trace.live("packets", "--json", "icmp", "-n", "2");
  const { stdout } = await run("ip", [
    ...["netns", "exec", "vm1", "ping", "-c", "1", "10.1.1.2"],
  ]);
  const rtt = Number(/ time=([\d.]+) ms/.exec(stdout)?.[1]);
  const { code, stdout: lines, stderr } = await trace.ended();
  assert.equal(code, 0, stderr);
  const objects: Packet[] = lines.trimEnd().split("\n").map((line) => JSON.parse(line));
  const packets = objects.filter(({ type }) => type === "packet");
  assert.deepEqual(packets.map(({ packet }) => packet), [
    "10.1.1.1 > 10.1.1.2 icmp echo request, 98 bytes",
    "10.1.1.2 > 10.1.1.1 icmp echo reply, 98 bytes",
  ]);
  assert.deepEqual(packets.map(({ outcome }) => [outcome.type, outcome.vif?.index]), [
    ["delivered", 2],
    ["delivered", 1],
  ]);
  const keys = packets.map(({ decisions }) => decisions.find(({ type }) => type === "bridge")?.key);
  assert.deepEqual(keys, ["02:00:00:00:00:02", "02:00:00:00:00:01"]);
  for (const { duration, stages } of packets) {
    const sum = stages.reduce((total, stage) => total + stage.duration, 0);
    assert.equal(sum, duration);
  }
  const inside = packets.reduce((total, { duration }) => total + duration, 0);
  assert.ok(inside > 0 && inside / 1e6 < rtt, `${inside / 1e6} ms of ${rtt} ms`);
  assert.equal(objects.at(-1)!.type, "statistics");
});
