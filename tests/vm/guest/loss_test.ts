import assert from "node:assert/strict";
import { FPROBE, must, parse, settle, summary, Trace } from "./support.ts";

/** Runs of the programs of a live vrft, by the kernel's own count. */
async function programRuns(): Promise<number> {
  const programs = JSON.parse(await must("bpftool", "-j", "prog", "show")) as {
    name?: string;
    run_cnt?: number;
  }[];
  return programs.filter(({ name }) => name?.startsWith("vrft_"))
    .reduce((sum, program) => sum + (program.run_cnt ?? 0), 0);
}

/** A flood of pings on each CPU, all at once. */
async function floods(count: number): Promise<void> {
  await Promise.all(Array.from({ length: CPUS }, (_, cpu) => {
    const mask = (1n << BigInt(cpu)).toString(16);
    const command = ["taskset", mask, PING, "-q", "-f", "-c", `${count}`, "10.1.1.2"];
    return must("ip", "netns", "exec", "vm1", ...command);
  }));
}

/** busybox's taskset would prefer busybox's. */
const PING = "/usr/bin/ping";

const CPUS = navigator.hardwareConcurrency;

/** Makes vrouter learn both MAC addresses. */
Deno.test.beforeAll(settle);

Deno.test("Printed and lost events are together what the programs produced", async () => {
  await Deno.writeTextFile("/proc/sys/kernel/bpf_stats_enabled", "1");
  // The smallest rings, of 64 records each; the reader is stopped so that they must overflow.
  await using trace = await Trace.live("-f", "vm_rx", "--buffer", "4096");
  const before = await programRuns();
  trace.signal("SIGSTOP");
  await floods(300);
  trace.signal("SIGCONT");
  await floods(20);
  const runs = await programRuns() - before;
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const { events } = parse(stdout);
  const lost = summary(stderr).get("events lost")!;
  assert.ok(lost > 300, stderr);
  assert.ok(events >= 80, stdout);
  // Only packets of vifs enter vm_rx(), so every run accepts its packet and writes a record
  // or counts it as lost; the end of a call whose entry was lost is not probed, or finds nothing.
  const ends = FPROBE ? 0 : lostEntries(events, lost);
  assert.equal(events + lost + ends, runs, stderr);
});

/**
 * With kprobes the end of a function is probed even if its entry was lost: all packets in both directions
 * enter it, and each end without an open call is a run without a record.
 */
function lostEntries(events: number, lost: number): number {
  const packets = CPUS * 2 * (300 + 20);
  // Every entry is printed or lost, every end of a printed one is printed or lost.
  const records = events + lost;
  return packets * 2 - records;
}

Deno.test("Calls whose returns found no room are not said to run when the trace ends", async () => {
  // Six records a packet, of which 64 are no multiple: a ring fills up during the calls of a packet, long
  // before the last of them, and stays full.
  await using trace = await Trace.live("-f", "vm_rx", "-f", "nh_*", "--buffer", "4096");
  trace.signal("SIGSTOP");
  await floods(50);
  trace.signal("SIGINT");
  trace.signal("SIGCONT");
  const { code, stdout, stderr } = await trace.ended();
  assert.equal(code, 0, stderr);
  assert.ok(summary(stderr).get("events lost")! > 0, stderr);
  const notes = new Set(parse(stdout).calls.map(({ note }) => note));
  assert.deepEqual(notes, new Set(["", "return lost"]), stdout);
});

Deno.test("The default buffer loses nothing of floods on all CPUs at once, and keeps them in order", async () => {
  await using trace = await Trace.live("-f", "vr_*", "-f", "vm_rx", "-f", "nh_*", "-f", "linux_*");
  await floods(500);
  const { stdout, stderr } = await trace.stop();
  const counts = summary(stderr);
  assert.equal(counts.get("events lost"), 0, stderr);
  const { calls } = parse(stdout);
  assert.equal(counts.get("calls"), calls.length);
  assert.ok(calls.filter(({ name }) => name === "vm_rx").length >= CPUS * 1000);
  assert.ok(calls.every(({ note }) => note === ""));
  assert.deepEqual(new Set(calls.map(({ cpu }) => cpu)).size, CPUS);
  const times = stdout.trimEnd().split("\n").slice(1).map((row) => BigInt(row.split(" ")[0]!));
  assert.ok(times.every((time, row) => row === 0 || times[row - 1]! <= time), "out of order");
});
