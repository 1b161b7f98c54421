/**
 * What vrft is to reach, and how that follows from what was measured.
 *
 * @module
 */

import { median, type Results } from "./samples.ts";

/** One goal: our figure over theirs, or our figure alone. */
export interface Goal {
  /** For `reasons.json`. */
  readonly id: string;
  readonly what: string;
  /** Keys of the values. Where theirs is missing, the goal is about our figure. */
  readonly ours: string;
  readonly theirs?: string;
  /** What the peer is. */
  readonly against?: string;
  readonly unit: string;
  /** In words, as in the table. */
  readonly goal: string;
  readonly reached: (ratio: number) => boolean;
  /** A further condition: why it is not met, or `null`. */
  readonly also?: (results: Results) => string | null;
}

const PWRU = "pwru, kernel functions only";

/** Nothing was lost, in any repetition. */
function nothingLost(results: Results): string | null {
  const lost = values(results, "lost/vrft");
  if (lost.length === 0) return "it is not known what was lost";
  const most = Math.max(...lost);
  return most === 0 ? null : `up to ${most.toLocaleString("en-US")} events were lost`;
}

/** Nothing was lost, and a trace that did lose events accounts for all of them. */
function allAccounted(results: Results): string | null {
  const accounted = values(results, "accounted/vrft");
  if (accounted.length === 0) return "it was not measured whether printed + lost = produced";
  const share = accounted.find((one) => one !== 100);
  return share === undefined
    ? nothingLost(results)
    : `printed + lost is ${share.toFixed(2)} % of what was produced`;
}

/** Programs ran for each call, and recorded some. */
function noHitMissed(results: Results): string | null {
  const missed = values(results, "trampoline-floods/missed");
  const kept = values(results, "trampoline-floods/kept");
  if (missed.length === 0 || kept.some((count) => count === 0)) return "nothing was recorded";
  const most = Math.max(...missed);
  return most === 0 ? null : `${most.toLocaleString("en-US")} hits were missed`;
}

export const GOALS: readonly Goal[] = [
  {
    id: "start",
    what: "start to all probes live, entry and exit, every module",
    ours: "start/vrft",
    theirs: "start/pwru",
    against: PWRU,
    unit: "s",
    goal: "under 0.25",
    reached: (ratio) => ratio < 0.25,
  },
  {
    id: "start-cost",
    what: "start to all probes live, in instructions, the kernel known from an earlier start",
    ours: "start-cost/later/vrft",
    theirs: "start-cost/later/pwru",
    against: PWRU,
    unit: "s of 1 ns each",
    goal: "0.25 at most",
    reached: (ratio) => ratio <= 0.25,
  },
  {
    id: "start-cpu",
    what: "exec to the list of functions, CPU time, native",
    ours: "start-cpu/vrft",
    theirs: "start-cpu/pwru",
    against: "pwru, to its first attempt to attach",
    unit: "ms",
    goal: "0.25 at most",
    reached: (ratio) => ratio <= 0.25,
  },
  {
    id: "stop",
    what: "Ctrl-C to process gone",
    ours: "stop/vrft",
    theirs: "stop/pwru",
    against: PWRU,
    unit: "s",
    goal: "0.5 at most",
    reached: (ratio) => ratio <= 0.5,
  },
  {
    id: "slowdown",
    what: "slowdown of a flood ping, every accepted call recorded at entry and exit",
    ours: "slowdown/vrft",
    theirs: "slowdown/peer-empty",
    against: "empty kprobe.session program",
    unit: "×",
    goal: "1.4 at most, nothing lost",
    reached: (ratio) => ratio <= 1.4,
    also: nothingLost,
  },
  {
    id: "reject",
    what: "slowdown when the filter rejects everything",
    ours: "reject/vrft",
    theirs: "reject/pwru",
    against: "pwru, filter that matches nothing",
    unit: "×",
    goal: "below 1",
    reached: (ratio) => ratio < 1,
  },
  {
    id: "kept",
    what: "events kept in three floods, default buffer; printed + lost = produced",
    ours: "share/vrft",
    unit: "%",
    goal: "100 %",
    reached: (share) => share === 100,
    also: allAccounted,
  },
  {
    id: "floor",
    what: "instructions of a round trip on Linux 6.12, everything recorded",
    ours: "instructions/every packet",
    theirs: "instructions/empty session program",
    against: "empty kprobe.session program",
    unit: "thousands",
    goal: "1.1 at most",
    reached: (ratio) => ratio <= 1.1,
  },
  {
    id: "packets",
    what: "instructions of a round trip with vrft packets, every packet told",
    ours: "packet-cost/vrft packets",
    theirs: "packet-cost/untraced",
    against: "untraced",
    unit: "thousands",
    goal: "1.5 at most",
    reached: (ratio) => ratio <= 1.5,
  },
  {
    id: "trampoline",
    what: "instructions of a round trip on 7.3 by trampolines, everything recorded",
    ours: "instructions-7.3/trampoline: every packet",
    theirs: "instructions-7.3/empty session program",
    against: "empty kprobe.session program",
    unit: "thousands",
    goal: "0.65 at most",
    reached: (ratio) => ratio <= 0.65,
  },
  {
    id: "trampoline-reject",
    what: "instructions of a round trip on 7.3 by trampolines, filter that matches nothing",
    ours: "instructions-7.3/trampoline: tcp port 9: none matches",
    theirs: "instructions-7.3/empty session program",
    against: "empty kprobe.session program",
    unit: "thousands",
    goal: "0.55 at most",
    reached: (ratio) => ratio <= 0.55,
  },
  {
    id: "trampoline-floods",
    what: "four floods on 4 CPUs on 7.3 by trampolines, default buffer: events lost, hits missed",
    ours: "trampoline-floods/lost",
    unit: "events",
    goal: "0",
    reached: (lost) => lost === 0,
    also: noHitMissed,
  },
  {
    id: "old-start",
    what: "without FPROBE: attach, entry and exit of all functions",
    ours: "old-start/vrft",
    theirs: "old-start/peer-kprobes",
    against: "one perf kprobe for each entry",
    unit: "s",
    goal: "0.5 at most",
    reached: (ratio) => ratio <= 0.5,
  },
  {
    id: "old-stop",
    what: "without FPROBE: detach",
    ours: "old-stop/vrft",
    theirs: "old-stop/peer-kprobes",
    against: "one perf kprobe for each entry",
    unit: "s",
    goal: "0.1 at most",
    reached: (ratio) => ratio <= 0.1,
  },
  {
    id: "ring",
    what: "ring to formatted text, native, one CPU",
    ours: "ring-warm/vrft",
    theirs: "ring-warm/peer",
    against: "C: ring_buffer__poll(), fprintf() for each record",
    unit: "ns an event",
    goal: "below 1",
    reached: (ratio) => ratio < 1,
  },
  {
    id: "rate",
    what: "ring to text, native",
    ours: "rate/vrft",
    unit: "million events a second",
    goal: "3 and more",
    reached: (rate) => rate >= 3,
  },
  {
    id: "record",
    what: "calls to a recording, native",
    ours: "record/vrft",
    unit: "million events a second of CPU time",
    goal: "5 and more",
    reached: (rate) => rate >= 5,
  },
  {
    id: "replay",
    what: "a recording back to its records",
    ours: "replay/vrft",
    unit: "million events a second of CPU time",
    goal: "5 and more",
    reached: (rate) => rate >= 5,
  },
  {
    id: "record-bytes",
    what: "size of a recording of calls",
    ours: "record-bytes/vrft",
    unit: "bytes an event",
    goal: "6 at most",
    reached: (bytes) => bytes <= 6,
  },
  {
    id: "discovery",
    what: "BTF and symbols of 6.12 to the list of functions",
    ours: "discovery/vrft",
    theirs: "discovery/bpftool",
    against: "bpftool btf dump file … format raw",
    unit: "ms",
    goal: "below 1",
    reached: (ratio) => ratio < 1,
  },
  {
    id: "memory",
    what: "resident memory while tracing, ring apart",
    ours: "memory/vrft",
    theirs: "memory/pwru",
    against: "pwru",
    unit: "MiB",
    goal: "1 at most",
    reached: (ratio) => ratio <= 1,
  },
];

/** The values under a key. */
export function values(results: Results, key: string): readonly number[] {
  return results.samples.get(key)?.values ?? [];
}

/** What became of a goal. */
export interface Verdict {
  readonly goal: Goal;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Ratio of the medians, or the median of ours; `null` where something was not measured. */
  readonly ratio: number | null;
  readonly verdict: "reached" | "missed" | "not measured";
  /** What stands in the way besides the ratio. */
  readonly also: string | null;
}

/** Judges a goal by the medians. */
export function judge(goal: Goal, results: Results): Verdict {
  const ours = values(results, goal.ours);
  const theirs = goal.theirs === undefined ? [] : values(results, goal.theirs);
  const measured = ours.length > 0 && (goal.theirs === undefined || theirs.length > 0);
  if (!measured) return { goal, ours, theirs, ratio: null, verdict: "not measured", also: null };
  const ratio = median(ours) / (goal.theirs === undefined ? 1 : median(theirs));
  const also = goal.also?.(results) ?? null;
  const verdict = goal.reached(ratio) && also === null ? "reached" : "missed";
  return { goal, ours, theirs, ratio, verdict, also };
}

/** Floods in one trace: see guest/floods.ts. */
const FLOODS = 3;

/**
 * Adds the shares of the events that were kept, in percent, as `share/NAME`. Where a tracer counts its
 * losses, the events that there were are those that it kept and those that it lost; of the others it
 * is known how often their programs run in a round trip.
 */
export function withShares(results: Results): Results {
  const samples = new Map(results.samples);
  const pings = Number(results.facts.get("floods") ?? NaN);
  for (const [key, sample] of results.samples) {
    const [what, name] = key.split("/");
    if (what !== "kept") continue;
    const lost = values(results, `lost/${name}`);
    const runs = values(results, `runs/${name}`);
    const shares = sample.values.map((kept, index) => {
      const made = runs.length > 0 ? median(runs) * pings * FLOODS : kept + (lost[index] ?? NaN);
      return 100 * kept / made;
    }).filter(Number.isFinite);
    samples.set(`share/${name}`, { ...sample, values: shares });
  }
  return { ...results, samples };
}
