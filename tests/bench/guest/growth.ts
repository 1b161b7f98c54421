/**
 * In the guest: how vrft's cost grows with one thing.
 *
 * Arguments: REPETITIONS PINGS SECONDS DIMENSION.
 *
 * @module
 */

import { report } from "../samples.ts";
import { attempt, type Plan, readPlan, rounds, spread, tell } from "./plan.ts";
import { Broken, exists, flood, must, readText, Running, settle } from "./programs.ts";
import { commandLine, type Contender, packetFunctions, vrft } from "./tracers.ts";

/** Where scripts/bench puts modules, and the order to load them in. */
const MODULES = "/root/modules";
/** The first vif that the network does not use. */
const FIRST_VIF = 10;

/** A place on the horizontal axis. */
interface Point {
  readonly x: number;
  readonly tracer: Contender;
  /** Floods side by side. */
  readonly floods: number;
}

function key(dimension: string, x: number, metric: string): string {
  return `growth/${dimension}/${x}/${metric}`;
}

/** Microseconds for a round trip of each of some floods side by side, on average. */
async function floodsAbreast(count: number, pings: number): Promise<number> {
  const tolerated = Math.ceil(pings / (count === 1 ? 1000 : 100));
  const all = await Promise.all(Array.from({ length: count }, () => flood(pings, tolerated)));
  return all.reduce((sum, one) => sum + one, 0) / count;
}

/** Starts, floods, stops and counts, and reports all of it for one place on the axis. */
async function measure(dimension: string, point: Point, pings: number): Promise<void> {
  const { x, tracer, floods } = point;
  const untraced = await floodsAbreast(floods, 5 * pings);
  await using running = await Running.start(tracer);
  const start = performance.now();
  const traced = await floodsAbreast(floods, pings);
  const seconds = (performance.now() - start) / 1000;
  const [output] = tracer.files;
  const early = Deno.statSync(output!).size;
  const ended = await running.stop();
  const late = 1 - early / Deno.statSync(output!).size;
  const { kept, lost } = await tracer.count!(ended);
  const events = kept + (lost ?? 0);
  const trips = floods * pings;
  // A flood keeps one CPU busy: its packets are handled where they are sent.
  const busy = Math.min(floods, navigator.hardwareConcurrency);
  const command = commandLine(tracer);
  report({
    key: key(dimension, x, "start"),
    command: command.length < 300 ? command : `${command.slice(0, 300)} ...`,
  });
  const values = {
    start: running.startMs / 1000,
    stop: ended.stopMs / 1000,
    late: late * kept / 1000,
    slowdown: traced / untraced,
    events: events / trips,
    // What an event adds, in time of the CPUs that the floods share. With few events it drowns in the
    // noise.
    cost: events < trips ? NaN : (traced - untraced) / (events / trips) * busy / floods,
    rate: events / seconds / 1000,
    lost: events === 0 ? 0 : 100 * (lost ?? 0) / events,
  };
  for (const [metric, value] of Object.entries(values)) {
    if (Number.isFinite(value)) report({ key: key(dimension, x, metric), value });
  }
}

async function measureAll(dimension: string, points: readonly Point[], plan: Plan): Promise<void> {
  await rounds(plan, async () => {
    for (const point of points) {
      tell(`${dimension}: ${point.x}`);
      await attempt(
        [key(dimension, point.x, "start")],
        () => measure(dimension, point, plan.pings),
      );
    }
  });
}

/** Loads the modules of a large kernel, those that can be. */
async function loadModules(): Promise<void> {
  if (!exists(MODULES)) throw new Broken("there are no modules to load");
  const files = readText(`${MODULES}/order`).trim().split("\n");
  tell(`loading ${files.length} modules`);
  await must(
    "sh",
    "-c",
    'cd "$1"; for m in $(cat order); do insmod "$m"; done 2>/dev/null; :',
    "sh",
    MODULES,
  );
}

/** Some of the functions by name, and then all: without more modules, and with them. */
async function byFunctions(plan: Plan): Promise<void> {
  const names = (await packetFunctions()).map(({ name }) => name);
  const some = [50, 400].map((count) => ({
    x: count,
    tracer: vrft("vrft", ...spread(names, count).flatMap((name) => ["-f", name])),
    floods: 1,
  }));
  const share = (part: number): Plan => ({ ...plan, seconds: plan.seconds * part });
  await measureAll(
    "functions",
    [...some, { x: names.length, tracer: vrft(), floods: 1 }],
    share(0.6),
  );
  await loadModules();
  const more = (await packetFunctions()).length;
  await measureAll("functions", [{ x: more, tracer: vrft(), floods: 1 }], plan);
}

/** The vif of vm1, and others that have no traffic. */
async function byInterfaces(plan: Plan): Promise<void> {
  const counts = [1, 50, 500];
  const most = Math.max(...counts);
  const commands = Array.from(
    { length: most - 1 },
    (_, index) => `link add d${index} type dummy\n`,
  );
  Deno.writeTextFileSync("/tmp/links", commands.join(""));
  await must("ip", "-batch", "/tmp/links");
  for (let index = 0; index < most - 1; index++) {
    await must("vif-add", `d${index}`, `${FIRST_VIF + index}`);
  }
  const points = counts.map((count) => {
    const others = Array.from({ length: count - 1 }, (_, index) => `vif0/${FIRST_VIF + index}`);
    const options = ["vif0/1", ...others].flatMap((vif) => ["-i", vif]);
    return { x: count, tracer: vrft("vrft", ...options), floods: 1 };
  });
  await measureAll("interfaces", points, plan);
}

/** As many floods as there are CPUs. */
async function byCpus(plan: Plan): Promise<void> {
  const cpus = navigator.hardwareConcurrency;
  await measureAll("cpus", [{ x: cpus, tracer: vrft(), floods: cpus }], plan);
}

/** Ever more floods side by side, with the default buffer and with one that is too small. */
async function byRate(plan: Plan): Promise<void> {
  const points = (counts: readonly number[], ...options: string[]): Point[] =>
    counts.map((count) => ({ x: count, tracer: vrft("vrft", ...options), floods: count }));
  const most = { ...plan, seconds: plan.seconds * 0.7 };
  await measureAll("floods", points([1, 2, 4, 8]), most);
  await measureAll("floods-with-1M", points([1, 4, 8], "--buffer", "1M"), plan);
}

/** A flood on each CPU, with the backend `trampoline` and the default buffer: what is lost of it. */
async function byTrampolines({ pings }: Plan): Promise<void> {
  const tracer = vrft("vrft", "--backend", "trampoline");
  await using running = await Running.start(tracer);
  await floodsAbreast(navigator.hardwareConcurrency, pings);
  const ended = await running.stop();
  const { kept, lost } = await tracer.count!(ended);
  const [, missed] = /([\d,]+) probe hits? missed/.exec(ended.stderr) ?? [];
  if (missed === undefined) throw new Broken(`no summary: ${ended.stderr.slice(-200)}`);
  report({ key: "trampoline-floods/kept", value: kept, command: commandLine(tracer) });
  report({ key: "trampoline-floods/lost", value: lost! });
  report({ key: "trampoline-floods/missed", value: Number(missed.replaceAll(",", "")) });
}

const DIMENSIONS: Readonly<Record<string, (plan: Plan) => Promise<void>>> = {
  functions: byFunctions,
  interfaces: byInterfaces,
  cpus: byCpus,
  rate: byRate,
  trampolines: byTrampolines,
};

const dimension = Deno.args[3]!;
await settle();
await attempt([`growth/${dimension}`], () => DIMENSIONS[dimension]!(readPlan(Deno.args)));
tell("done");
