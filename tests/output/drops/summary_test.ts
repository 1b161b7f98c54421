import assert from "node:assert/strict";
import { summarizeDrops } from "../../../src/output/drops/summary.ts";

const NOTHING = { lost: 0, missed: 0, removed: 0, unread: 0 };

Deno.test("the summary has the drops by class, and what was lost", () => {
  const totals = {
    shown: new Map([["policy", 3], ["lost", 1234]] as const),
    hidden: 7,
    damaged: 1,
  };
  assert.equal(
    summarizeDrops(totals, { ...NOTHING, lost: 5, unread: 2 }, null),
    "1,237 drops: 1,234 lost, 3 by policy; 5 events lost; 0 probe hits missed; 7 drops not shown; " +
      "2 events not printed (interrupted twice); 1 record not understood",
  );
});

Deno.test("a summary without drops says so, with the overhead", () => {
  const totals = { shown: new Map(), hidden: 0, damaged: 0 };
  const overhead = { programs: 0.5, own: 2, peak: null, runNs: null };
  assert.equal(
    summarizeDrops(totals, NOTHING, overhead),
    "0 drops; 0 events lost; 0 probe hits missed; 0.5 % of a CPU in BPF programs, 2 % in vrft",
  );
});
