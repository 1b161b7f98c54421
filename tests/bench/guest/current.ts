/**
 * In the guest with a current kernel: vrft and its peers, side by side, in rounds.
 *
 * Arguments: REPETITIONS PINGS SECONDS.
 *
 * @module
 */

import { report } from "../samples.ts";
import {
  account,
  countRuns,
  floodKeys,
  rejectFloods,
  startAlone,
  startAndStop,
  traceFloods,
} from "./floods.ts";
import { phases } from "./phases.ts";
import { attempt, once, readPlan, rounds, tell } from "./plan.ts";
import { settle } from "./programs.ts";
import {
  bpftrace,
  functionGraph,
  listFunctions,
  packetFunctions,
  peer,
  peerVersions,
  prepareRoots,
  pwru,
  vrft,
} from "./tracers.ts";

/** No packet of a flood matches: an address for documentation (RFC 5737). */
const NO_PACKET = "host 192.0.2.1";
/** A vif that the flood does not use: the fabric. */
const QUIET_VIF = "vif0/0";
/** Round trips for counting the runs of programs: their ratio does not depend on it. */
const COUNTED_PINGS = 200;
/** Rounds in which the phases of a start are timed, which no goal is about. */
const PHASES = 3;
/** Seconds that `pwru --all-kmods` takes to start, at most. To let go it takes two minutes. */
const ALL_KMODS_SECONDS = 45;

const plan = readPlan(Deno.args);
await settle();
await prepareRoots();
const functions = await packetFunctions();
listFunctions(functions);
report({ fact: "kernel", text: Deno.osRelease() });
report({ fact: "functions", text: `${functions.length}` });
report({ fact: "peers", text: peerVersions().join(", ") });
report({ fact: "floods", text: `${plan.pings}` });

const flooded = [
  vrft(),
  peer("empty"),
  // These two are compared, and differ by little: they have twice the number of samples.
  vrft(),
  peer("empty"),
  peer("record"),
  functionGraph(functions),
  bpftrace(),
  pwru("pwru", "icmp"),
];
const rejecting = [vrft("vrft", "-i", QUIET_VIF), peer("reject"), pwru("pwru", NO_PACKET)];
const lifecycles = [vrft(), pwru("pwru", "icmp")];

for (const one of [bpftrace(), pwru("pwru", "icmp")]) {
  tell(`runs of ${one.name}'s programs`);
  await attempt([`runs/${one.name}`], () => countRuns(one, COUNTED_PINGS));
}
tell("whether events add up");
const starved = vrft("vrft", "-f", "vm_rx", "--buffer", "4096");
await attempt(["accounted/vrft"], () => account(starved, "vm_rx", plan.pings));
await rounds(plan, async (index) => {
  for (const one of lifecycles) {
    await attempt([`start/${one.name}`, `stop/${one.name}`], () => startAndStop(one));
  }
  if (index < PHASES) await attempt(["phase/vrft"], phases);
  for (const one of flooded) {
    tell(`floods: ${one.name}`);
    const memory = one.name === "vrft" || one.name === "pwru";
    await attempt(floodKeys(one.name), () => traceFloods(one, plan.pings, memory));
  }
  for (const one of rejecting) {
    tell(`nothing matches: ${one.name}`);
    await attempt([`reject/${one.name}`], () => rejectFloods(one, plan.pings));
  }
});

const allKmods = pwru("pwru-all-kmods", "--all-kmods", "icmp");
const key = "start/pwru-all-kmods";
await once(plan, ALL_KMODS_SECONDS, "pwru --all-kmods", [key], () => startAlone(key, allKmods));
tell("done");
// Waiting for nobody.
Deno.exit(0);
