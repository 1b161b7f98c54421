import assert from "node:assert/strict";
import { runsOfProgram } from "../../../src/probe/bpf_syscall.ts";
import { timePrograms } from "../../../src/probe/run_statistics.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, loadIdleProgram, RecordProgram } from "../../support/bpf.ts";
import { type Ended, leftovers, parse, settle, Trace } from "./support.ts";

const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";
/** Generous, for guests that get little CPU time. */
const SOON_MS = 60_000;

const FEW = ["-f", "vm_rx", "-f", "vr_*", "-f", "nh_*"];
const COST =
  /; ([\d,.]+) % of a CPU in BPF programs, ([\d,.]+) % in vrft(?: \(at most ([\d,.]+) %\))?\n$/;

/** Another test may have left it on. */
Deno.test.beforeAll(async () => {
  await settle();
  await Deno.writeTextFile(SWITCH, "0");
});

/** A flood ping from vm1 to vm2 until disposed. */
class Flood implements AsyncDisposable {
  readonly #ping = new Deno.Command("ip", {
    args: ["netns", "exec", "vm1", "ping", "-q", "-f", "10.1.1.2"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ping.kill("SIGKILL");
    await this.#ping.status;
  }
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

Deno.test("A flood that takes more than --max-overhead for a second ends the trace, and it says so", async () => {
  await using trace = await Trace.live(...FEW, "--max-overhead", "1");
  const start = performance.now();
  let ended: Ended;
  {
    await using _flood = new Flood();
    const late = setTimeout(() => trace.signal("SIGKILL"), SOON_MS);
    ended = await trace.ended();
    clearTimeout(late);
  }
  const took = performance.now() - start;
  assert.equal(ended.code, 1, ended.stderr);
  assert.ok(took > 900, `${took} ms`);
  const [, share] =
    / Stopped: tracing took ([\d,.]+) % of a CPU for more than a second, above the limit of 1 %: trace fewer /
      .exec(ended.stderr) ?? assert.fail(ended.stderr);
  assert.ok(Number(share!.replaceAll(",", "")) > 1, share);
  // All records are printed as complete trees.
  assert.ok(parse(ended.stdout).calls.some(({ name }) => name === "vm_rx"));
  const { programs, own, peak } = costs(ended);
  assert.ok(programs > 0 && own > 0 && peak! >= 1, ended.stderr);
  assert.deepEqual(await leftovers(), []);
  assert.equal(Deno.readTextFileSync(SWITCH).trim(), "0");
  assert.equal(isCounting(), false);
  // Otherwise the check would prove nothing.
  using _timing = timePrograms();
  assert.equal(isCounting(), true);
});
