import assert from "node:assert/strict";
import { DropCounts } from "../../../src/output/drops/counts.ts";
import type { Drop, DropClass } from "../../../src/trace/drop.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP } from "../../support/drops.ts";
import { forRandomCases } from "../../support/property.ts";
import type { Random } from "../../support/random.ts";

const NONE_GONE = (): boolean => false;
const TAP = { index: 4, device: "tap4" };

function of(index: number): Partial<Drop> {
  return { vif: { index, device: `tap${index}` } };
}

Deno.test("DropCounts counts drops by all labels", () => {
  const counts = new DropCounts(NONE_GONE);
  const different: Partial<Drop>[] = [
    {},
    { source: "kernel" },
    { reason: FLOW_ACTION_DROP },
    { reason: { ...DISCARDS, class: "housekeeping" } },
    { cause: "discard nexthop" },
    { vif: TAP },
    { vif: { ...TAP, device: "tap5" } },
    { vif: null },
    { vif: null, device: "eth0" },
    { direction: "transmit" },
    { direction: null },
  ];
  for (const known of [...different, ...different]) counts.add(drop({ vif: TAP, ...known }));
  // The first and the sixth are the same.
  assert.deepEqual(counts.sets.map(({ count }) => count), [4, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
  assert.deepEqual({ ...counts.sets[3] }, {
    source: "vrouter",
    reason: "VP_DROP_DISCARD",
    class: "housekeeping",
    cause: null,
    vif: 4,
    device: "tap4",
    direction: "receive",
    count: 2,
  });
  assert.equal(counts.sets[7]?.device, "eth0");
  assert.deepEqual(new Set(counts.overflow.values()), new Set([0]));
});

Deno.test("DropCounts counts what has no room by its class", () => {
  const counts = new DropCounts(NONE_GONE, 2);
  for (const index of [1, 2, 3, 4, 3, 1]) counts.add(drop(of(index)));
  counts.add(drop({ ...of(5), reason: FLOW_ACTION_DROP }));
  assert.deepEqual(counts.sets.map(({ vif, count }) => [vif, count]), [[1, 2], [2, 1]]);
  assert.deepEqual(
    [...counts.overflow].filter(([, count]) => count > 0),
    [["lost", 3], ["policy", 1]],
  );
});

Deno.test("DropCounts gives the room of vifs that are gone to others, not for each drop", () => {
  const gone = new Set<number>();
  let asked = 0;
  const counts = new DropCounts((index) => {
    asked++;
    return gone.has(index);
  }, 3);
  for (const index of [1, 2]) counts.add(drop(of(index)));
  counts.add(drop({ vif: null, device: "eth0" }));
  for (let time = 0; time < 500; time++) counts.add(drop(of(3)));
  assert.equal(asked, 2);
  gone.add(1);
  for (let time = 0; time < 1000; time++) counts.add(drop(of(3)));
  assert.deepEqual(counts.sets.map(({ vif }) => vif), [2, null, 3]);
  const { count } = counts.sets[2]!;
  assert.equal(count + counts.overflow.get("lost")!, 1500);
  // Vif 1 begins again if it comes back.
  counts.add(drop(of(2)));
  assert.equal(counts.sets[0]?.count, 2);
});

/** Of many labels. */
function randomDrop(random: Random): Drop {
  return drop({
    source: random.pick(["vrouter", "kernel"]),
    reason: {
      ...DISCARDS,
      name: `VP_DROP_${random.int(60)}`,
      class: random.pick<DropClass>(["lost", "policy", "housekeeping", "counted", "unknown"]),
    },
    cause: random.pick([null, "a", "b"]),
    vif: random.pick([null, { index: random.int(100), device: random.pick([null, "tap"]) }]),
    device: random.pick([null, "eth0"]),
    direction: random.pick(["receive", "transmit", null]),
  });
}

Deno.test("property: there are never more label sets than allowed, and no drop is left out", () => {
  forRandomCases(32, (random) => {
    const limit = 1 + random.int(50);
    const counts = new DropCounts((index) => index % 2 === 0, limit);
    const shadow = new Map<string, number>();
    const drops = random.int(100);
    for (let at = 0; at < drops; at++) {
      const one = randomDrop(random);
      // Without the vifs that are gone, which may lose their counts.
      if (one.vif !== null) counts.add({ ...one, vif: { ...one.vif, index: one.vif.index | 1 } });
      else counts.add(one);
      shadow.set(one.reason.class, (shadow.get(one.reason.class) ?? 0) + 1);
      assert.ok(counts.sets.length <= limit);
    }
    for (const [kind, count] of shadow) {
      const seen = counts.sets.filter((each) => each.class === kind)
        .reduce((sum, each) => sum + each.count, 0);
      assert.equal(seen + counts.overflow.get(kind as DropClass)!, count);
    }
  }, 300);
});
