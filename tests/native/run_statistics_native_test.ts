import assert from "node:assert/strict";
import { runsOfProgram } from "../../src/probe/bpf_syscall.ts";
import { sumOfRuns, timePrograms } from "../../src/probe/run_statistics.ts";
import { OverheadMeter, overheadSources } from "../../src/trace/overhead.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { TestRing } from "../support/loaded_object.ts";

const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";
const RUNS = 200;

const testBpf = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

/** Defines a test that is only meaningful if no other process has programs timed. */
function test(name: string, fn: () => Promise<void>): void {
  testBpf(name, async () => {
    assert.equal(Deno.readTextFileSync(SWITCH).trim(), "0", `${SWITCH} has to be 0`);
    await fn();
  });
}

function runTimes({ program }: TestRing, times: number): void {
  for (let time = 0; time < times; time++) program.run(1n, 0, 0x1000n);
}

test("timePrograms() has each run counted and timed until it is disposed", async () => {
  using ring = await TestRing.open(4096);
  const fd = ring.object.programFd("vrft_test_record");
  runTimes(ring, RUNS);
  assert.deepEqual(runsOfProgram(fd), { ms: 0, runs: 0 });
  {
    using _timing = timePrograms();
    runTimes(ring, RUNS);
  }
  const counted = runsOfProgram(fd);
  assert.equal(counted.runs, RUNS);
  assert.ok(counted.ms > 0 && counted.ms < 60_000, `${counted.ms}`);
  runTimes(ring, RUNS);
  assert.deepEqual(runsOfProgram(fd), counted);
});

test("timePrograms() leaves the timing on that others have asked for", async () => {
  using ring = await TestRing.open(4096);
  const fd = ring.object.programFd("vrft_test_record");
  using _others = timePrograms();
  timePrograms()[Symbol.dispose]();
  runTimes(ring, RUNS);
  assert.equal(runsOfProgram(fd).runs, RUNS);
});

test("sumOfRuns() adds up the runs of several programs", async () => {
  using one = await TestRing.open(4096);
  using other = await TestRing.open(4096);
  const fds = [one, other].map(({ object }) => object.programFd("vrft_test_record"));
  {
    using _timing = timePrograms();
    runTimes(one, 3);
    runTimes(other, 4);
  }
  const { ms, runs } = sumOfRuns(fds);
  assert.equal(runs, 7);
  assert.equal(ms, runsOfProgram(fds[0]!).ms + runsOfProgram(fds[1]!).ms);
});

test("OverheadMeter measures real programs", async () => {
  using ring = await TestRing.open(4096);
  const fd = ring.object.programFd("vrft_test_record");
  using _timing = timePrograms();
  const exceeded: number[] = [];
  const meter = new OverheadMeter(
    overheadSources([fd], true),
    0.001,
    (share) => exceeded.push(share),
  );
  const start = performance.now();
  {
    using recording = meter.start();
    while (exceeded.length === 0) {
      assert.ok(performance.now() - start < 60_000, "nothing was said for a minute");
      runTimes(ring, RUNS);
      recording.turn();
    }
    runTimes(ring, RUNS);
  }
  assert.ok(performance.now() - start >= 1000);
  const overhead = meter.overhead()!;
  for (const [what, share] of Object.entries(overhead)) assert.ok(share! > 0, what);
  assert.ok(overhead.programs! < 100 && overhead.runNs! < 1e6, JSON.stringify(overhead));
});
