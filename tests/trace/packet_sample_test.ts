import assert from "node:assert/strict";
import { PacketSample } from "../../src/trace/packet_sample.ts";

/** By CPU: the places of the packets that are kept among those of this CPU. */
function places(of: number, cpus: readonly number[], packets: number): number[][] {
  const sample = new PacketSample(of);
  const kept = cpus.map((): number[] => []);
  for (let packet = 0; packet < packets; packet++) {
    for (const [index, cpu] of cpus.entries()) if (sample.keeps(cpu)) kept[index]!.push(packet);
  }
  assert.equal(sample.seen, cpus.length * packets);
  assert.equal(sample.kept, kept.flat().length);
  return kept;
}

Deno.test("of each N packets of a CPU one is kept, the same each time", () => {
  const kept = places(10, [0, 3], 1000);
  for (const ofCpu of kept) {
    assert.deepEqual(ofCpu.map((place) => Math.floor(place / 10)), [...Array(100).keys()]);
  }
  assert.deepEqual(places(10, [0, 3], 1000), kept);
});

Deno.test("all places are kept alike, so that requests and replies that alternate both are", () => {
  const counts = new Array(10).fill(0);
  for (const place of places(10, [1], 100_000)[0]!) counts[place % 10]++;
  for (const count of counts) assert.ok(count > 900 && count < 1100, `${counts}`);
  assert.notDeepEqual(...places(10, [0, 1], 1000) as [number[], number[]]);
});

Deno.test("one in one is every packet", () => {
  assert.deepEqual(places(1, [0], 5), [[0, 1, 2, 3, 4]]);
});
