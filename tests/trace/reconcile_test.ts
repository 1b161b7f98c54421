import assert from "node:assert/strict";
import type { DropReason } from "../../src/trace/drop.ts";
import { agrees, type DropCounters, SeenDrops } from "../../src/trace/reconcile.ts";
import { DISCARDS, drop, FLOW_ACTION_DROP } from "../support/drops.ts";

const [DISCARD, POLICY] = [DISCARDS.name, FLOW_ACTION_DROP.name];

function counters(
  all: Record<string, number>,
  vifs: Record<number, Record<string, number>> = {},
): DropCounters {
  const ofVifs = Object.entries(vifs).map(([index, counts]) =>
    [Number(index), new Map(Object.entries(counts))] as const
  );
  return { all: new Map(Object.entries(all)), vifs: new Map(ofVifs) };
}

function reasonOf(name: string): DropReason {
  const kind = name.endsWith("TRAP_ORIGINAL") ? "counted" : "lost";
  return { number: 45, name, label: name, class: kind };
}

/** Compares what was seen with counters that nothing disturbs while they are read. */
function compare(seen: SeenDrops, start: DropCounters, end: DropCounters): unknown[] {
  const [first, last] = [{ before: start, after: start }, { before: end, after: end }];
  return seen.compare(seen.snapshot(), first, last, reasonOf)
    .map(({ reason, vif, module, seen, exception }) => [
      reason.name,
      vif?.index ?? null,
      module,
      seen,
      exception,
    ]);
}

Deno.test("counters are compared by reason and by vif, from where they stood at the start", () => {
  const seen = new SeenDrops();
  seen.add(drop());
  seen.add(drop());
  seen.add(drop({ reason: FLOW_ACTION_DROP, vif: { index: 5, device: null } }));
  seen.add(drop({ source: "kernel" }));
  const start = counters({ [DISCARD]: 100, [POLICY]: 7 }, { 4: { [DISCARD]: 50 }, 5: {} });
  const end = counters(
    { [DISCARD]: 102, [POLICY]: 9 },
    { 4: { [DISCARD]: 52 }, 5: { [POLICY]: 2 } },
  );
  assert.deepEqual(compare(seen, start, end), [
    [DISCARD, null, 2, 2, null],
    [POLICY, null, 2, 1, null],
    [DISCARD, 4, 2, 2, null],
    [POLICY, 5, 2, 1, null],
  ]);
});

Deno.test("what the module counts without a free, or does not report, is an exception", () => {
  const seen = new SeenDrops();
  seen.add(drop({ reason: reasonOf("VP_DROP_HEAD_ALLOC_FAIL") }));
  const compared = seen.compare(
    seen.snapshot(),
    { before: counters({}), after: counters({}) },
    {
      before: counters({ VP_DROP_TRAP_ORIGINAL: 3 }),
      after: counters({ VP_DROP_TRAP_ORIGINAL: 3 }),
    },
    reasonOf,
  );
  assert.deepEqual(compared.map(({ module, seen, exception }) => [module, seen, exception]), [
    [0, 1, "the module does not report this counter"],
    [3, 0, "counted without a free"],
  ]);
  assert.ok(compared.every(agrees));
});

Deno.test("drops while the counters are read make no difference, and others do", () => {
  const start = { before: counters({ [DISCARD]: 10 }), after: counters({ [DISCARD]: 13 }) };
  const end = { before: counters({ [DISCARD]: 20 }), after: counters({ [DISCARD]: 22 }) };
  // Between 20 - 13 and 22 - 10.
  for (const [count, module] of [[6, 7], [7, 7], [9, 9], [12, 12], [13, 12]] as const) {
    const seen = new SeenDrops();
    for (let index = 0; index < count; index++) seen.add(drop({ vif: null }));
    const [one] = seen.compare(seen.snapshot(), start, end, reasonOf);
    assert.deepEqual([one!.seen, one!.module, agrees(one!)], [count, module, count === module]);
  }
});

Deno.test("a vif that came or went meanwhile is not compared", () => {
  const seen = new SeenDrops();
  seen.add(drop());
  const all = { [DISCARD]: 1 };
  assert.deepEqual(compare(seen, counters({}), counters(all, { 4: all })), [
    [DISCARD, null, 1, 1, null],
  ]);
  assert.deepEqual(compare(seen, counters({}, { 4: {} }), counters(all)), [
    [DISCARD, null, 1, 1, null],
  ]);
});

Deno.test("counters that were cleared meanwhile are not taken for a huge number", () => {
  const seen = new SeenDrops();
  seen.add(drop());
  assert.deepEqual(compare(seen, counters({ [DISCARD]: 100 }), counters({ [DISCARD]: 0 })), [
    [DISCARD, null, 0, 1, null],
  ]);
});
