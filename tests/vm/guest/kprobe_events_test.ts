import assert from "node:assert/strict";
import { leftovers, parse, ping, run, settle, Trace } from "./support.ts";

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];

Deno.test("Ctrl-C while attaching detaches what is attached and ends with 0", async () => {
  // The backend that takes longest to attach everything.
  const trace = Trace.start("--backend", "kprobe", "--debug");
  await using _ = trace;
  await untilProbed();
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /\{/);
  assert.match(stderr, /Interrupted while attaching/);
  assert.deepEqual(await leftovers(), []);
});

/** Waits for the first probe of the kprobe backend, which exist long before the last one does. */
async function untilProbed(): Promise<void> {
  for (;;) {
    const events = await Deno.readTextFile("/sys/kernel/tracing/kprobe_events");
    // More than the one function the backend is tried on.
    if (events.split("\n").length > 50) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("kill -9 leaves nothing attached, and the next vrft tidies up", async () => {
  const trace = await Trace.live("--backend", "kprobe", ...FEW);
  await trace[Symbol.asyncDispose]();
  // Definitions may stay, which do nothing.
  const live = (await leftovers()).filter((one) => !/^[pr]\d*:vrft_/.test(one));
  assert.deepEqual(live, []);
  const { code } = await run("vrft", ["--backend", "kprobe", ...FEW, "--duration", "100ms"]);
  assert.equal(code, 0);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("Two vrft of two containers, both of them process 1, trace side by side, each completely", async () => {
  await settle();
  const namesOf = (stdout: string): string[] => parse(stdout).calls.map(({ name }) => name);
  await using first = await Trace.contained([], "--backend", "kprobe", "-f", "vm_rx");
  // In a network namespace of its own: vifs are still those of the host.
  const more = ["-f", "vm_rx", "-f", "linux_rx_handler"];
  await using second = await Trace.contained(["-n"], "--backend", "kprobe", ...more);
  await ping(3);
  const [one, two] = [await first.stop(), await second.stop()];
  assert.deepEqual([one.code, two.code], [0, 0], one.stderr + two.stderr);
  // Three packets there, three back.
  assert.deepEqual(namesOf(one.stdout), Array(6).fill("vm_rx"), one.stderr);
  const expected = Array(6).fill(["linux_rx_handler", "vm_rx"]).flat();
  assert.deepEqual(namesOf(two.stdout), expected, two.stderr);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("A trace whose probes another program removes says so, and how many", async () => {
  const file = "/sys/kernel/tracing/kprobe_events";
  const probes = (): number => Deno.readTextFileSync(file).match(/:vrft_/g)?.length ?? 0;
  await using trace = await Trace.live("--backend", "kprobe", "-f", "vm_rx", "-f", "nh_*");
  const before = probes();
  const events = [...Deno.readDirSync("/sys/kernel/tracing/events/vrft_0")]
    .filter(({ isDirectory }) => isDirectory);
  for (const { name } of events) {
    // The kernel removes all but the last probe of an event that is armed, and then refuses.
    await assert.rejects(Deno.writeTextFile(file, `-:vrft_0/${name}\n`, { append: true }));
  }
  const removed = before - probes();
  assert.ok(removed > 0, `${before} probes`);
  const { code, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  assert.ok(stderr.includes(`Another program has removed ${removed} probes: `), stderr);
  assert.match(stderr, new RegExp(`; ${removed} probes removed by another program`));
  assert.deepEqual(await leftovers(), []);
});
