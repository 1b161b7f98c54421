/**
 * In the guest: what a tracer costs a flood of pings, and what it keeps of the flood's events.
 *
 * @module
 */

import { median, report } from "../samples.ts";
import {
  Broken,
  flood,
  must,
  programRuns,
  readText,
  residentMemory,
  Running,
  type Tracer,
} from "./programs.ts";
import { commandLine, type Contender } from "./tracers.ts";

const TRACEFS = "/sys/kernel/tracing";
/** Floods in one trace: a ring that takes the first one may overflow in the next. */
export const FLOODS = 3;
/** Floods in a trace of nothing, which no ring limits: they are short, and differ by little. */
const REJECTED_FLOODS = 6;
/** How much longer the untraced flood is, which is over too soon to be timed well. */
const UNTRACED_FACTOR = 5;
/** Untraced floods before the first traced one; later there is one before each. */
const FIRST_UNTRACED = 5;

const untracedFloods: number[] = [];

/**
 * Sends an untraced flood.
 *
 * @returns microseconds for a round trip: the median of all such floods of this guest so far, for one
 * alone may differ from the next by a third
 */
async function sendUntraced(pings: number): Promise<number> {
  do {
    const value = await flood(UNTRACED_FACTOR * pings);
    report({ key: "untraced", value });
    untracedFloods.push(value);
  } while (untracedFloods.length < FIRST_UNTRACED);
  return median(untracedFloods);
}

/** Sends floods one after the other; microseconds for a round trip, on average. */
async function sendFloods(count: number, pings: number): Promise<number> {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += await flood(pings);
  return sum / count;
}

/** Keys of what {@linkcode traceFloods} reports. */
export function floodKeys(name: string): string[] {
  return ["slowdown", "kept", "lost"].map((what) => `${what}/${name}`);
}

/**
 * Times floods without and with a tracer, and counts the events that it has kept.
 *
 * @param pings round trips of a flood
 * @throws {Broken} when the tracer or the flood does not work
 */
export async function traceFloods(
  contender: Contender,
  pings: number,
  memory: boolean,
): Promise<void> {
  const { name } = contender;
  const untraced = await sendUntraced(pings);
  await using running = await Running.start(contender);
  const traced = await sendFloods(FLOODS, pings);
  const live = contender.countLive?.();
  const resident = memory ? residentMemory(running.pid) : null;
  const ended = await running.stop();
  const counted = live ?? await contender.count?.(ended);
  if (counted?.kept === 0) throw new Broken("it has not kept a single event");
  const slowdown = plausible(traced / untraced);

  report({ key: `slowdown/${name}`, command: commandLine(contender) });
  report({ key: `slowdown/${name}`, value: slowdown });
  if (counted !== undefined) {
    report({ key: `kept/${name}`, value: counted.kept });
    if (counted.lost !== null) report({ key: `lost/${name}`, value: counted.lost });
  }
  if (resident !== null) {
    report({ key: `memory/${name}`, command: commandLine(contender) });
    report({ key: `memory/${name}`, value: resident.total });
    report({ key: `memory-of-files/${name}`, value: resident.files });
  }
}

/** A slowdown, unless it is none: then the machine was busy with something else meanwhile. */
function plausible(slowdown: number): number {
  if (slowdown >= 1) return slowdown;
  throw new Broken(`the flood was faster traced than untraced (${slowdown.toFixed(2)})`);
}

/** Times floods without and with a tracer whose filter rejects everything. */
export async function rejectFloods(contender: Contender, pings: number): Promise<void> {
  const untraced = await sendUntraced(pings);
  await using running = await Running.start(contender);
  const traced = await sendFloods(REJECTED_FLOODS, pings);
  const ended = await running.stop();
  const key = `reject/${contender.name}`;
  // Counting is for tracers that have kept events; one that rejects all has none.
  if (/ events? lost/.test(ended.stderr) && !/(^|\s)0 calls of 0 functions/m.test(ended.stderr)) {
    throw new Broken(`it has not rejected everything: ${ended.stderr.slice(-200)}`);
  }
  const slowdown = plausible(traced / untraced);
  report({ key, command: commandLine(contender) });
  report({ key, value: slowdown });
}

/**
 * Holds what vrft says against the kernel's count of calls of a function that is entered by packets of vifs
 * alone: each makes an event, and another one at its return if the first is not lost. The buffer is far too
 * small, so that many are.
 *
 * @param fn the only function that is traced
 */
export async function account(contender: Contender, fn: string, pings: number): Promise<void> {
  await using running = await Running.start(contender);
  Deno.writeTextFileSync(`${TRACEFS}/kprobe_events`, `p:bench ${fn}\n`);
  const enable = `${TRACEFS}/events/kprobes/bench/enable`;
  Deno.writeTextFileSync(enable, "1");
  await flood(pings);
  const { kept, lost } = await contender.count!(await running.stop());
  Deno.writeTextFileSync(enable, "0");
  const [, hits] = /^\s*bench\s+(\d+)/m.exec(readText(`${TRACEFS}/kprobe_profile`)) ?? [];
  // To open it for writing removes what is there.
  Deno.writeTextFileSync(`${TRACEFS}/kprobe_events`, "");
  const calls = Number(hits ?? 0);
  const entered = Number(await must("grep", "-c", "-F", `${fn}() {`, contender.files[0]!));
  if (calls === 0 || lost === 0) throw new Broken(`${calls} calls and ${lost} lost events`);
  const key = `accounted/${contender.name}`;
  report({ key, command: commandLine(contender) });
  report({
    key,
    note: `${kept} printed and ${lost} lost events, ${calls} calls, ${entered} printed`,
  });
  report({ key, value: 100 * (kept + (lost ?? 0)) / (calls + entered) });
}

/**
 * Counts what a tracer's programs do in a round trip, by the kernel's own statistics: how many events
 * a tracer that says nothing of its losses should have printed.
 */
export async function countRuns(contender: Contender, pings: number): Promise<void> {
  await withStatistics(async () => {
    await using running = await Running.start(contender);
    const before = await programRuns();
    await flood(pings);
    const runs = await programRuns() - before;
    await running.stop();
    if (runs === 0) throw new Broken("its programs have not run");
    report({ key: `runs/${contender.name}`, value: runs / pings });
  });
}

/** Has the kernel count the runs of programs meanwhile. */
async function withStatistics(action: () => Promise<void>): Promise<void> {
  const path = "/proc/sys/kernel/bpf_stats_enabled";
  Deno.writeTextFileSync(path, "1");
  try {
    await action();
  } finally {
    Deno.writeTextFileSync(path, "0");
  }
}

/** Times a tracer's start and end, with nothing to trace. */
export async function startAndStop(contender: Contender): Promise<void> {
  await using running = await Running.start(contender);
  const { stopMs } = await running.stop();
  for (const what of ["start", "stop"]) {
    report({ key: `${what}/${contender.name}`, command: commandLine(contender) });
  }
  report({ key: `start/${contender.name}`, value: running.startMs / 1000 });
  report({ key: `stop/${contender.name}`, value: stopMs / 1000 });
}

/** Starts a tracer and leaves it so, to a guest that ends before the tracer would have let go. */
export async function startAlone(key: string, tracer: Tracer): Promise<void> {
  const { startMs } = await Running.start(tracer);
  report({ key, command: commandLine(tracer) });
  report({ key, value: startMs / 1000 });
}
