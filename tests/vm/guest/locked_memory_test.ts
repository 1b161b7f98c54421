import { confinedVrft } from "./limited.ts";
import { assertFailure, assertTrace, runLimited, SHORT } from "./limited.ts";
import { run } from "./support.ts";

/** Before Linux 5.11, memory of BPF counts for RLIMIT_MEMLOCK, and from then on for the control group. */
const LOCKED_MEMORY = Deno.osRelease().startsWith("5.10.");

const CAP_SYS_RESOURCE = 24;

Deno.test("64 KB of locked memory are no limit for root", async () => {
  await assertTrace(await runLimited("ulimit -l 64", SHORT));
});

Deno.test("64 KB of locked memory, not to be raised: too little before Linux 5.11, and said so", async () => {
  const command = confinedVrft({ drop: [CAP_SYS_RESOURCE] }, SHORT);
  const ended = await run("sh", ["-c", 'ulimit -l 64 && exec "$@"', "sh", ...command]);
  if (!LOCKED_MEMORY) return await assertTrace(ended);
  await assertFailure(ended, /locked memory/i, /65536 bytes/, /ulimit -l/);
});
