import assert from "node:assert/strict";
import { check } from "./check.ts";
import { FPROBE, TRAMPOLINES } from "./support.ts";

const BEST = FPROBE ? "kprobe.session" : "kprobe events";
const TRAMPOLINE = "trampolines (fsession.multi)";

Deno.test("vrft check finds all that a trace needs, and attaches for good to nothing", async () => {
  const { signs, missing, last, stdout } = await check();
  assert.deepEqual(missing, [], stdout);
  // Only where loading, and letting go of all functions, would not take long: that depends on the emulator.
  const trampolines = TRAMPOLINES && stdout.includes(`works (${TRAMPOLINE})`);
  assert.equal(last, `Tracing will work with ${trampolines ? TRAMPOLINE : BEST}`);
  if (!TRAMPOLINES) assert.match(stdout, /BPF_TRACE_FSESSION_MULTI, added in\s+Linux 7\.2/);
  else if (!trampolines) assert.match(stdout, /would\s+take\s+[\d.]+\s+s,/);
  for (
    const title of [
      "Kernel release",
      "Privileges",
      "vrouter module",
      "vrouter netlink",
      "vrouter interfaces",
      "Libraries",
      "CONFIG_BPF_SYSCALL",
      "CONFIG_KPROBES",
      "CONFIG_FUNCTION_TRACER",
      "CONFIG_DEBUG_INFO_BTF",
      "Kernel BTF",
      "vrouter BTF",
      "tracefs",
      "Function addresses",
      "Functions to trace",
      `Backend ${trampolines ? "trampoline" : FPROBE ? "session" : "kprobe"}`,
      "kprobes enabled",
      "ftrace enabled",
      "Time to attach",
    ]
  ) {
    assert.equal(signs.get(title), "✔", `${title}: ${stdout}`);
  }
  assert.match(stdout, /vrouter interfaces +5: fab0, tap1, tap2/);
  assert.equal(signs.get("CONFIG_FPROBE"), FPROBE ? "✔" : "–");
  assert.equal(signs.get("Backend multi"), "–");
});
