import assert from "node:assert/strict";
import {
  leftovers,
  must,
  parse,
  ping,
  run,
  settle,
  Trace,
  traceWhile,
  vrftArguments,
} from "./support.ts";

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a trace with its summary and detaches`, async () => {
    await using trace = await Trace.live(...FEW);
    const { code, stderr } = await trace.stop(signal);
    assert.equal(code, 0);
    assert.match(stderr, / 0 probe hits missed; .* in vrft.*\n$/);
    assert.deepEqual(await leftovers(), []);
  });
}

Deno.test("Ctrl-C again and again corrupts nothing", async () => {
  await settle();
  await using trace = await Trace.live(...FEW);
  await ping(3);
  for (let times = 0; times < 5; times++) {
    try {
      trace.signal("SIGINT");
    } catch {
      break; // it was faster
    }
  }
  const { code, stdout, stderr } = await trace.ended();
  assert.equal(code, 0, stderr);
  parse(stdout);
  assert.deepEqual(await leftovers(), []);
});

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

Deno.test("kill -9 of the default backend leaves nothing attached", async () => {
  const trace = await Trace.live(...FEW);
  await trace[Symbol.asyncDispose]();
  const live = (await leftovers()).filter((one) => !/^[pr]\d*:vrft_/.test(one));
  assert.deepEqual(live, []);
});

Deno.test("Two traces at once see the same calls", async () => {
  await settle();
  await using other = await Trace.live(...FEW, "-i", "tap1");
  const mine = await traceWhile([...FEW, "-i", "tap1"], () => ping(3));
  const theirs = await other.stop();
  const names = (stdout: string): string[] => parse(stdout).calls.map(({ name }) => name);
  assert.ok(names(mine.stdout).length >= 20, mine.stdout);
  assert.deepEqual(names(theirs.stdout), names(mine.stdout));
  assert.deepEqual(await leftovers(), []);
});

Deno.test("A reader that closes the pipe ends the trace quietly", async () => {
  await settle();
  const script = 'vrft "$@" | head -n 3; echo ${PIPESTATUS[0]}';
  const args = vrftArguments(["-f", "linux_*", "-f", "nh_*", "--ready-file", "/tmp/closed"]);
  const child = new Deno.Command("bash", {
    args: ["-c", script, "bash", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  while (await Deno.stat("/tmp/closed").catch(() => undefined) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Two packets: the first fills head, the next one finds the pipe closed.
  await ping(5);
  const { stdout, stderr } = await output;
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assert.equal(lines.length, 4);
  assert.equal(lines[3], "0");
  assert.doesNotMatch(new TextDecoder().decode(stderr), /vrft:|roken/);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("The module can be removed the moment a trace has ended", async () => {
  const other = await Trace.live(...FEW);
  await other.stop();
  await must("rmmod", "vrouter");
  await must("insmod", "/vm/vrouter.ko");
  for (const [index, device] of ["fab0", "tap1", "tap2"].entries()) {
    await must("vif-add", device, `${index}`, device === "fab0" ? "2" : "3");
  }
});
