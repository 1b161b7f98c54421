import { assertFailure, assertTrace, runConfined, runLimited, SHORT } from "./limited.ts";
import { FPROBE } from "./support.ts";

// Numbers of include/uapi/linux/capability.h.
const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const CAP_SYS_RESOURCE = 24;
const CAP_SYSLOG = 34;
const CAP_PERFMON = 38;
const CAP_BPF = 39;

// Numbers of arch/x86/entry/syscalls/syscall_64.tbl.
const PERF_EVENT_OPEN = 298;
const EPERM = 1;

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

Deno.test("Without perf_event_open(2), the kprobe backend names the filter of system calls", async () => {
  const refuse = [{ call: PERF_EVENT_OPEN, errno: EPERM }];
  const ended = await runConfined({ refuse }, [...SHORT, "--backend", "kprobe"]);
  await assertFailure(ended, /filter.* allow .*perf_event_open\(2\)/);
});
