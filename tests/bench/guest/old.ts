/**
 * In the guest with a kernel that has no FPROBE: attaching and letting go.
 *
 * Arguments: REPETITIONS PINGS SECONDS.
 *
 * @module
 */

import { report } from "../samples.ts";
import { floodKeys, startAlone, traceFloods } from "./floods.ts";
import { attempt, once, readPlan, rounds, spread, tell } from "./plan.ts";
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
await once(
  plan,
  FLOODS_SECONDS,
  "floods: vrft",
  floodKeys("vrft-old"),
  () => traceFloods(vrft("vrft-old"), plan.pings, false),
);
const key = "old-start/peer-kprobes-all";
await once(plan, ALL_SECONDS, "one perf kprobe for each function", [key], async () => {
  listFunctions(functions);
  await startAlone(key, peer("perf-kprobes"));
  report({ key, note: `entries alone, all ${functions.length} functions` });
});
tell("done");
// Waiting for nobody.
Deno.exit(0);
