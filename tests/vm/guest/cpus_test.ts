import assert from "node:assert/strict";
import { flood, FPROBE, leftovers, must, parse, settle, summary, Trace } from "./support.ts";

const BACKENDS = FPROBE ? ["session", "kprobe"] : ["kprobe"];

/** busybox's taskset would prefer busybox's. */
const PING = "/usr/bin/ping";

for (const backend of BACKENDS) {
  Deno.test(`A CPU that goes and comes back during a trace loses nothing: ${backend}`, async () => {
    await settle();
    const online = "/sys/devices/system/cpu/cpu1/online";
    await using trace = await Trace.live("--backend", backend, "-f", "vm_rx", "-f", "vr_*");
    try {
      const packets = 600;
      const flooding = flood(packets);
      await Deno.writeTextFile(online, "0");
      await must("ip", "netns", "exec", "vm1", "taskset", "1", PING, "-c", "1", "10.1.1.2");
      await Deno.writeTextFile(online, "1");
      await must("ip", "netns", "exec", "vm1", "taskset", "2", PING, "-c", "1", "10.1.1.2");
      await flooding;
      const { code, stdout, stderr } = await trace.stop();
      assert.equal(code, 0, stderr);
      const { calls } = parse(stdout);
      assert.equal(calls.filter(({ name }) => name === "vm_rx").length, 2 * (packets + 2), stderr);
      assert.ok(calls.every(({ note }) => note === ""), stderr);
      assert.ok(calls.some(({ cpu }) => cpu === 1), "nothing was seen on the CPU that came back");
      assert.equal(summary(stderr).get("events lost"), 0);
    } finally {
      await Deno.writeTextFile(online, "1");
    }
    assert.deepEqual(await leftovers(), []);
  });
}

Deno.test("There is memory for the CPUs in use, not for all possible ones, and all of them are seen", async () => {
  await settle();
  const [, last] = /(\d+)\n$/.exec(await Deno.readTextFile("/sys/devices/system/cpu/possible"))!;
  const possible = Number(last) + 1;
  const cpus = navigator.hardwareConcurrency;
  console.log(`${possible} possible CPUs, ${cpus} in use`);
  // A ring that holds hardly anything: what does not fit is counted where it happens.
  await using trace = await Trace.live("-f", "vm_rx", "--buffer", "4096");
  const maps = JSON.parse(await must("bpftool", "-j", "map", "show")) as {
    name?: string;
    max_entries: number;
  }[];
  assert.equal(maps.find(({ name }) => name === "ring_blocks")?.max_entries, cpus);
  trace.signal("SIGSTOP");
  for (let cpu = 0; cpu < cpus; cpu++) {
    const mask = (1n << BigInt(cpu)).toString(16);
    const command = ["taskset", mask, PING, "-q", "-f", "-c", "200", "10.1.1.2"];
    await must("ip", "netns", "exec", "vm1", ...command);
  }
  trace.signal("SIGCONT");
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const { events } = parse(stdout);
  const packets = 2 * 200 * cpus;
  const lost = summary(stderr).get("events lost")!;
  // A call whose entry was lost has no return; one whose return was lost is counted once.
  assert.ok(events + lost >= packets && events + lost <= 2 * packets, `${events} ${stderr}`);
  assert.deepEqual(await leftovers(), []);
});
