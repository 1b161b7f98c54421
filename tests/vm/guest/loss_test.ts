import assert from "node:assert/strict";
import { must, parse, settle, summary, Trace } from "./support.ts";
import { statistic } from "./traffic.ts";

/** A flood of pings on each CPU, all at once. */
async function floods(count: number): Promise<void> {
  await Promise.all(Array.from({ length: CPUS }, (_, cpu) => {
    const mask = (1n << BigInt(cpu)).toString(16);
    const command = ["taskset", mask, PING, "-q", "-f", "-c", `${count}`, "10.1.1.2"];
    return must("ip", "netns", "exec", "vm1", ...command);
  }));
}

/** Packets that vrouter has received from the VMs. */
function received(): number {
  return statistic("tap1", "rx_packets") + statistic("tap2", "rx_packets");
}

/** busybox's taskset would prefer busybox's. */
const PING = "/usr/bin/ping";

const CPUS = navigator.hardwareConcurrency;

/** Makes vrouter learn both MAC addresses. */
Deno.test.beforeAll(settle);

Deno.test("Printed and lost events are together what packets produced", async () => {
  // The smallest rings, of 64 records each; the reader is stopped so that they must overflow.
  await using trace = await Trace.live("-f", "vm_rx", "--buffer", "4096");
  const before = received();
  trace.signal("SIGSTOP");
  await floods(300);
  trace.signal("SIGCONT");
  await floods(20);
  const packets = received() - before;
  const { code, stdout, stderr } = await trace.stop();
  assert.equal(code, 0, stderr);
  const { calls, events } = parse(stdout);
  const lost = summary(stderr).get("events lost")!;
  assert.ok(lost > 300, stderr);
  assert.ok(events >= 80, stdout);
  // A packet of a VM enters vm_rx() once. Each entry is printed or lost, each return of a printed one is.
  assert.equal(events + lost, packets + calls.length, stderr);
});

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

Deno.test("The default buffer loses nothing of floods on all CPUs at once, and merges them by time", async () => {
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
  // A CPU that the machine takes from the guest in the middle of a record is not waited for: that record
  // comes late. Without a merge, a row in two would.
  const late = times.filter((time, row) => row > 0 && time < times[row - 1]!).length;
  assert.ok(late <= times.length / 1000, `${late} of ${times.length} rows out of order`);
});
