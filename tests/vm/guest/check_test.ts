import assert from "node:assert/strict";
import { check } from "./check.ts";
import { FPROBE } from "./support.ts";

const BEST = FPROBE ? "kprobe.session" : "kprobe events";

Deno.test("vrft check finds all that a trace needs, and attaches for good to nothing", async () => {
  const { signs, missing, last, stdout } = await check();
  assert.deepEqual(missing, [], stdout);
  assert.equal(last, `Tracing will work with ${BEST}`);
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
      `Backend ${FPROBE ? "session" : "kprobe"}`,
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
