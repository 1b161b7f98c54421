import assert from "node:assert/strict";
import { runsOfProgram } from "../../src/probe/bpf_syscall.ts";
import { timePrograms } from "../../src/probe/run_statistics.ts";
import {
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  loadIdleProgram,
  RecordProgram,
  whyNoPrograms,
} from "../support/bpf.ts";
import { confined } from "../support/confine.ts";
import { type Ended, run, sendDatagrams, VRFT, whenLive } from "../support/native_vrft.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";

// What a trace takes of the CPUs, and the kernel's timing of programs, which is all processes'.

const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";
const CAP_SYS_ADMIN = 21;
const SOON_MS = 30_000;
const HOST = "127.0.9.3";
const DROPS = [VRFT, "drops", "--no-vrouter", "-i", "lo", "--lines", `udp and dst host ${HOST}`];
const COST =
  /; ([\d,.]+) % of a CPU in BPF programs, ([\d,.]+) % in vrft(?: \(at most ([\d,.]+) %\))?\n$/;
const UNTIMED =
  /; [\d,.]+ % of a CPU in vrft, that of BPF programs not timed \(sysctl kernel.bpf_stats_enabled\)\n$/;

const reason = whyNotRoot() || whyNoPrograms(BPF_PROG_TYPE_RAW_TRACEPOINT);

/** Defines a test that is only meaningful if no other process has programs timed. */
function test(name: string, fn: () => Promise<void>): void {
  testUnless(reason, name, async () => {
    assert.equal(Deno.readTextFileSync(SWITCH).trim(), "0", `${SWITCH} has to be 0`);
    await fn();
  });
}

/** The shares in the last line: of the programs, of vrft, and the peak of both. */
function costs({ stderr }: Ended): { programs: number; own: number; peak: number | undefined } {
  const [, ...shares] = COST.exec(stderr) ?? assert.fail(stderr);
  const [programs, own, peak] = shares.map((share) =>
    share === undefined ? undefined : Number(share.replaceAll(",", ""))
  );
  return { programs: programs!, own: own!, peak };
}

/** Whether the kernel currently counts the runs of programs. */
function isCounting(): boolean {
  using program = loadIdleProgram(BPF_PROG_TYPE_RAW_TRACEPOINT);
  new RecordProgram(program.number).run(0n, 0, 0n);
  return runsOfProgram(program.number).runs > 0;
}

test("a trace that stays below --max-overhead goes on, and tells what it took", async () => {
  const limited = [...DROPS, "--max-overhead", "1000%", "-o", "/dev/null"];
  const quiet = await run([...limited, "--duration", "1500ms"]);
  assert.equal(quiet.code, 0, quiet.stderr);
  assert.notEqual(costs(quiet).peak, undefined);
  const busy = await whenLive(
    [...limited, "--duration", "3s"],
    async (child) => {
      let over = false;
      void child.status.then(() => over = true);
      while (!over) await sendDatagrams(HOST, 200);
    },
  );
  assert.equal(busy.code, 0, busy.stderr);
  assert.doesNotMatch(busy.stderr, /Stopped/);
  const { programs, own, peak } = costs(busy);
  assert.ok(own > 0 && peak !== undefined, busy.stderr);
  assert.ok(programs > costs(quiet).programs, busy.stderr + quiet.stderr);
  assert.equal(isCounting(), false);
  // Otherwise the check would prove nothing.
  using _timing = timePrograms();
  assert.equal(isCounting(), true);
});

test("the shortest trace tells what it took; programs are not timed for that alone", async () => {
  const limited = await run([...DROPS, "--duration", "1ms", "--max-overhead", "1000"]);
  assert.equal(limited.code, 0, limited.stderr);
  assert.equal(costs(limited).peak, undefined);
  assert.equal(isCounting(), false);
  const { code, stderr } = await run([...DROPS, "--duration", "1ms"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, UNTIMED);
});

test("kill -9 while programs are timed leaves the timing off", async () => {
  const { code } = await whenLive([...DROPS, "--max-overhead", "100000"], (child) => {
    // Timing may start slightly after the trace is live.
    const start = performance.now();
    while (!isCounting()) assert.ok(performance.now() - start < SOON_MS, "nothing was timed");
    child.kill("SIGKILL");
  });
  assert.equal(code, 128 + 9);
  assert.equal(isCounting(), false);
});

test("without CAP_SYS_ADMIN, no limit is taken, and the time of programs is not known", async () => {
  const unprivileged = (...args: string[]): Promise<Ended> =>
    run(confined({ drop: [CAP_SYS_ADMIN] }, [...DROPS, ...args]));
  const refused = await unprivileged("--max-overhead", "50");
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /^vrft: Cannot enforce --max-overhead: .*CAP_SYS_ADMIN/m);

  const { code, stderr } = await unprivileged("--duration", "100ms");
  assert.equal(code, 0, stderr);
  assert.match(stderr, UNTIMED);

  await Deno.writeTextFile(SWITCH, "1");
  try {
    const switched = await unprivileged("--max-overhead", "1000", "--duration", "100ms");
    assert.equal(switched.code, 0, switched.stderr);
    costs(switched);
  } finally {
    await Deno.writeTextFile(SWITCH, "0");
  }
});
