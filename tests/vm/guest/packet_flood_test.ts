import assert from "node:assert/strict";
import { leftovers, must, settle, summary, Trace } from "./support.ts";

/** What of a packet's object is looked at. */
interface Packet {
  readonly type: string;
  readonly id: string;
  readonly packet: string;
  readonly duration: number;
  readonly stages: readonly { readonly duration: number }[];
  readonly outcome: { readonly type: string; readonly vif: { readonly index: number } | null };
  readonly isIncomplete: boolean;
}

Deno.test("packets keeps all packets of a flood, each with its outcome, and stages that add up", async () => {
  await settle();
  await using trace = await Trace.live("packets", "--json", "icmp");
  const ping = ["ping", "-q", "-f", "-c", "2000", "10.1.1.2"];
  const said = await must("ip", "netns", "exec", "vm1", ...ping);
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const [, sent, answered] = /^(\d+) packets transmitted, (\d+) received/m.exec(said)!.map(Number);
  assert.equal(sent, 2000, said);
  assert.equal(summary(stderr).get("events lost"), 0, stderr);
  const packets: Packet[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    .filter(({ type }: Packet) => type === "packet");
  const outcomes = new Map<string, number>();
  for (const { packet, outcome, isIncomplete, duration, stages } of packets) {
    const what = `${/echo \w+/.exec(packet)?.[0]}: ${outcome.type}, vif0/${outcome.vif?.index}`;
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    assert.ok(!isIncomplete, packet);
    assert.equal(stages.reduce((sum, stage) => sum + stage.duration, 0), duration, packet);
  }
  assert.deepEqual(
    Object.fromEntries(outcomes),
    { "echo request: delivered, vif0/2": sent, "echo reply: delivered, vif0/1": answered },
    stderr,
  );
  assert.equal(new Set(packets.map(({ id }) => id)).size, packets.length);
  assert.deepEqual(await leftovers(), []);
});
