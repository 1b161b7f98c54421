import assert from "node:assert/strict";
import { summarize } from "../../src/output/summary.ts";

const NO_PACKETS = { begun: 0, ended: 0, inside: 0, outOfSight: 0, stray: 0 };
const TREE = {
  calls: 1234,
  functions: 37,
  abandoned: 0,
  orphans: 0,
  malformed: 0,
  packets: NO_PACKETS,
  undecided: 0,
  unmatched: 0,
};
const COUNTS = {
  recorded: 2468,
  lost: 0,
  untracked: 0,
  missed: 0,
  removed: 0,
  unread: 0,
  packets: { seen: 9, kept: 9, copied: 1, ended: 8, evicted: 0, unfollowed: 0 },
  sample: 1,
};

Deno.test("summarize() tells what everybody asks, and nothing that did not happen", () => {
  assert.equal(
    summarize(TREE, COUNTS, null, null),
    "1,234 calls of 37 functions; 0 events lost; 0 probe hits missed",
  );
});

Deno.test("summarize() has one of a thing in the singular", () => {
  const tree = { ...TREE, calls: 1, functions: 1, orphans: 1 };
  const packets = { ...NO_PACKETS, begun: 1, ended: 1 };
  assert.equal(
    summarize({ ...tree, packets }, { ...COUNTS, lost: 1, missed: 1 }, null, null),
    "1 call of 1 function; 1 event lost; 1 probe hit missed; 1 return without a call; 1 packet: " +
      "1 ended, 0 still inside, 0 out of sight",
  );
});

Deno.test("summarize() tells all that did not go as it should", () => {
  const tree = { ...TREE, abandoned: 4, orphans: 5, malformed: 6 };
  const counts = {
    ...COUNTS,
    lost: 1_000_000,
    missed: 2,
    removed: 8,
    unread: 3,
    untracked: 7,
    packets: { ...COUNTS.packets, evicted: 10, unfollowed: 11 },
  };
  assert.equal(
    summarize(tree, counts, null, null),
    "1,234 calls of 37 functions; 1,000,000 events lost; 2 probe hits missed; 8 probes removed by " +
      "another program; 3 events not printed (interrupted twice); 7 calls left out: too many open at once; 4 calls closed without a " +
      "return; 5 returns without a call; 6 records not understood; 10 packets lost from sight: too " +
      "many at once; 11 calls that copied packets and could not be followed",
  );
});

Deno.test("summarize() tells how many packets a sampled trace has kept", () => {
  const counts = {
    ...COUNTS,
    sample: 1000,
    packets: { ...COUNTS.packets, seen: 20_000, kept: 20 },
  };
  assert.equal(
    summarize(TREE, counts, null, null),
    "1,234 calls of 37 functions; 0 events lost; 0 probe hits missed; 20 of 20,000 packets kept " +
      "(1 in 1,000)",
  );
});

Deno.test("summarize() tells what became of the packets where their events were recorded", () => {
  const packets = { begun: 4002, ended: 3999, inside: 2, outOfSight: 1, stray: 5 };
  assert.equal(
    summarize({ ...TREE, packets }, COUNTS, null, null),
    "1,234 calls of 37 functions; 0 events lost; 0 probe hits missed; 5 ends of packets that were " +
      "not seen to begin; 4,002 packets: 3,999 ended, 2 still inside, 1 out of sight",
  );
});

Deno.test("summarize() tells how much of a trace that failed was printed", () => {
  assert.equal(
    summarize(TREE, { ...COUNTS, unread: 9 }, null, 620),
    "1,234 calls of 37 functions; 0 events lost; 0 probe hits missed; 620 rows written; 1,848 events " +
      "not printed",
  );
  // Rows for lost returns are not printed events.
  assert.match(
    summarize({ ...TREE, abandoned: 20 }, COUNTS, null, 620),
    /; 620 rows written; 1,868 events not printed; 20 calls closed/,
  );
  assert.match(
    summarize({ ...TREE, abandoned: 20 }, COUNTS, null, 0),
    /; 0 rows written; 2,468 events not printed; /,
  );
});

Deno.test("summarize() tells what the trace cost, as far as it is known", () => {
  const overhead = { programs: 12.4, own: 0.84, peak: 134.7, runNs: 210 };
  const told = (known: typeof overhead | Record<string, number | null>): string =>
    summarize(TREE, COUNTS, { ...overhead, ...known }, null).split("; ").slice(3).join("; ");
  assert.equal(told({}), "12 % of a CPU in BPF programs, 0.8 % in vrft (at most 135 %)");
  assert.equal(told({ peak: null }), "12 % of a CPU in BPF programs, 0.8 % in vrft");
  assert.equal(
    told({ programs: null, peak: null }),
    "0.8 % of a CPU in vrft, that of BPF programs not timed (sysctl kernel.bpf_stats_enabled)",
  );
});
