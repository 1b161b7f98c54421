/**
 * In the guest with a kernel that has no FPROBE: attaching and letting go.
 *
 * Arguments: REPETITIONS PINGS SECONDS.
 *
 * @module
 */

import { report } from "../samples.ts";
import { floodKeys, traceFloods } from "./floods.ts";
import { attempt, readPlan, rounds, spread, tell, timeFor } from "./plan.ts";
import { Running, settle } from "./programs.ts";
import {
  commandLine,
  listFunctions,
  type PacketFunction,
  packetFunctions,
  peer,
  peerReport,
  vrft,
} from "./tracers.ts";

/** Functions that one perf kprobe each is measured with: letting go of all takes three minutes. */
const SAMPLE = 100;
/** Seconds that attaching to all of them has taken. */
const ALL_SECONDS = 37;
/** Seconds that floods have taken, with starting and stopping. */
const FLOODS_SECONDS = 60;
const ALL_KPROBES = "old-start/peer-kprobes-all";
const NO_TIME = "no time was left";

async function vrftOnce(): Promise<void> {
  const tracer = vrft();
  await using running = await Running.start(tracer);
  const { stopMs } = await running.stop();
  for (const what of ["old-start", "old-stop"]) {
    report({ key: `${what}/vrft`, command: commandLine(tracer) });
  }
  report({ key: "old-start/vrft", value: running.startMs / 1000 });
  report({ key: "old-stop/vrft", value: stopMs / 1000 });
}

/** One kprobe each for some functions, with the times scaled to `all` of them. */
async function kprobesOnce(functions: readonly PacketFunction[], all: number): Promise<void> {
  listFunctions(functions);
  const tracer = peer("perf-kprobes");
  await using running = await Running.start(tracer);
  const { stdout } = await running.stop();
  const { functions: attached, attachMs, detachMs } = peerReport(stdout);
  for (const [what, ms] of [["old-start", attachMs], ["old-stop", detachMs]] as const) {
    const key = `${what}/peer-kprobes`;
    report({ key, command: commandLine(tracer) });
    report({ key, note: `entries alone, ${attached} functions, scaled to ${all}` });
    report({ key, value: ms / 1000 * all / attached });
  }
}

/** One kprobe for each function, attached and left so: the guest ends before they would have let go. */
async function allKprobesOnce(functions: readonly PacketFunction[]): Promise<void> {
  listFunctions(functions);
  const tracer = peer("perf-kprobes");
  const { startMs } = await Running.start(tracer);
  report({ key: ALL_KPROBES, command: commandLine(tracer) });
  report({ key: ALL_KPROBES, note: `entries alone, all ${functions.length} functions` });
  report({ key: ALL_KPROBES, value: startMs / 1000 });
}

const plan = readPlan(Deno.args);
await settle();
const functions = await packetFunctions();
report({ fact: "old-kernel", text: Deno.osRelease() });
report({ fact: "old-functions", text: `${functions.length}` });

await rounds(plan, async () => {
  tell("vrft");
  await attempt(["old-start/vrft", "old-stop/vrft"], vrftOnce);
  tell(`one perf kprobe for each of ${SAMPLE} functions`);
  await attempt(
    ["old-start/peer-kprobes", "old-stop/peer-kprobes"],
    () => kprobesOnce(spread(functions, SAMPLE), functions.length),
  );
});
if (timeFor(plan, FLOODS_SECONDS)) {
  tell("floods: vrft");
  const tracer = vrft("vrft-old");
  await attempt(floodKeys("vrft-old"), () => traceFloods(tracer, plan.pings, false));
} else for (const key of floodKeys("vrft-old")) report({ key, problem: NO_TIME });
if (timeFor(plan, ALL_SECONDS)) {
  tell("one perf kprobe for each function, once");
  await attempt([ALL_KPROBES], () => allKprobesOnce(functions));
} else report({ key: ALL_KPROBES, problem: NO_TIME });
tell("done");
// Waiting for nobody.
Deno.exit(0);
