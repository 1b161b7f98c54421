import assert from "node:assert/strict";
import { ringLayout } from "../../../src/probe/ring_layout.ts";
import { onlineCpus } from "../../../src/sys/cpus.ts";
import { confinedVrft } from "./limited.ts";
import { assertFailure, assertTrace, runConfined, runLimited, SHORT } from "./limited.ts";
import { FPROBE, leftovers, run, vrftArguments } from "./support.ts";
import { Talking } from "./talking.ts";

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];
// Numbers of include/uapi/linux/capability.h.
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;
const CAP_SYSLOG = 34;
const CAP_PERFMON = 38;
const CAP_BPF = 39;

// Numbers of arch/x86/entry/syscalls/syscall_64.tbl.
const MMAP = 9;
const SENDTO = 44;
const PERF_EVENT_OPEN = 298;
const EPERM = 1;
const ENOMEM = 12;

Deno.test("256 file descriptors are enough, with the backend that takes most", async () => {
  // So many functions that one descriptor for each would be too many.
  const args = ["--backend", "kprobe", "-f", "*skb*", "--duration", "200ms"];
  await assertTrace(await runLimited("ulimit -n 256", args));
});

/** All but `kept`. On Linux 5.10, locked memory is a test of its own. */
function allBut(kept: readonly number[]): number[] {
  return Array.from({ length: CAP_BPF + 1 }, (_, number) => number)
    .filter((number) => number !== CAP_SYS_RESOURCE && !kept.includes(number));
}

Deno.test("With the capabilities it needs and no others, vrft traces", async () => {
  const needed = [CAP_NET_ADMIN, CAP_SYSLOG, CAP_PERFMON, CAP_BPF];
  const few = await runConfined({ drop: allBut(needed) }, SHORT);
  if (FPROBE) return await assertTrace(few);
  // Linux 6.1 and 5.10 want more, each for a reason of its own: see src/commands/advice.ts.
  await assertFailure(few, /also requires CAP_SYS_ADMIN/);
  await assertTrace(await runConfined({ drop: allBut([...needed, CAP_SYS_ADMIN]) }, SHORT));
});

Deno.test("In a user namespace, root is told that its rights count for nothing", async () => {
  const ended = await run("unshare", ["-U", "-r", "vrft", ...vrftArguments(SHORT)]);
  await assertFailure(ended, /user namespace/);
});

Deno.test("Without perf_event_open(2), the kprobe backend names the filter of system calls", async () => {
  const refuse = [{ call: PERF_EVENT_OPEN, errno: EPERM }];
  const ended = await runConfined({ refuse }, [...SHORT, "--backend", "kprobe"]);
  await assertFailure(ended, /filter.* allow .*perf_event_open\(2\)/);
});

Deno.test("A ring buffer that cannot be mapped is an error, and what was loaded is unloaded", async () => {
  const { cpus, blocks, blockBytes } = ringLayout(8 * 2 ** 20, onlineCpus());
  const bytes = Math.ceil(cpus.length * blocks * blockBytes / 4096) * 4096;
  const refuse = [{ call: MMAP, errno: ENOMEM, argument: { index: 1, value: bytes } }];
  const ended = await runConfined({ refuse }, [...SHORT, "--buffer", "8M"]);
  await assertFailure(ended, /no memory for ring buffers of 8192 KiB.*--buffer/);
});

Deno.test("Ctrl-C ends a vrft at once that waits for an answer that never comes", async () => {
  // The request for the network devices, which has this length, seems to have been sent.
  const refuse = [{ call: SENDTO, errno: 0, argument: { index: 2, value: 40 } }];
  await using vrft = new Talking(confinedVrft({ refuse }, FEW));
  await vrft.says(/Kernel\(release/);
  // It may be a moment before it really waits: again and again, until it ends.
  const start = performance.now();
  const again = setInterval(() => {
    try {
      Deno.kill(vrft.pid, "SIGINT");
    } catch {
      // It has ended.
    }
  }, 100);
  const { code, stderr } = await vrft.end();
  clearInterval(again);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Interrupted before anything was attached\n$/);
  // The answer may take 10 s.
  assert.ok(performance.now() - start < 8000, `${performance.now() - start} ms`);
  assert.deepEqual(await leftovers(), []);
});
