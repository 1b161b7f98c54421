import assert from "node:assert/strict";
import { exists } from "../../../src/sys/files.ts";
import { type Ended, flood, leftovers, parse, settle, summary, vrftArguments } from "./support.ts";
import { until } from "./until.ts";

/** Few functions, to attach quickly, but enough to fill a pipe. */
const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*", "-f", "vr_*"];
/** Timeout in seconds for detaching, which takes more than a second when emulated. */
const DETACH_SECONDS = 60;
/** Timeout in seconds for the trace to become live. */
const READY_SECONDS = 240;

/** The probes that are still attached. Programs and maps remain until the process exits. */
async function attached(): Promise<string[]> {
  return (await leftovers()).filter((one) => !/^(prog|map) /.test(one));
}

/** A vrft whose output goes into a pipe that is not read until {@linkcode read}. */
class Stalled implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;

  constructor(...args: string[]) {
    // The reader waits for the file "read", long after the pipe is full.
    const script = `
      cd "$1"; shift
      { vrft "$@" & echo $! >pid; wait $!; echo $? >status; } |
        { while [ ! -e read ]; do sleep 0.1; done; cat >output; touch done; }`;
    const ready = ["--ready-file", `${this.#directory}/ready`];
    this.#child = new Deno.Command("bash", {
      args: ["-c", script, "bash", this.#directory, ...vrftArguments([...args, ...ready])],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  async live(): Promise<void> {
    await until("live", () => exists(`${this.#directory}/ready`), READY_SECONDS);
  }

  async signal(signal: Deno.Signal): Promise<void> {
    Deno.kill(Number(await Deno.readTextFile(`${this.#directory}/pid`)), signal);
  }

  /** Waits until vrft has exited, with a timeout in seconds. */
  async over(seconds: number): Promise<boolean> {
    try {
      await until("over", () => exists(`${this.#directory}/status`), seconds);
      return true;
    } catch {
      return false;
    }
  }

  /** Makes the reader start. */
  async read(): Promise<Ended> {
    await Deno.writeTextFile(`${this.#directory}/read`, "");
    await this.#child.status;
    const [status, stdout] = await Promise.all(
      ["status", "output"].map((name) => Deno.readTextFile(`${this.#directory}/${name}`)),
    );
    return { code: Number(status), stdout: stdout!, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.signal("SIGKILL");
    } catch {
      // It has ended.
    }
    await Deno.writeTextFile(`${this.#directory}/read`, "");
    await this.#child.status;
    await Deno.remove(this.#directory, { recursive: true });
  }
}

Deno.test.beforeAll(settle);

Deno.test("With a reader that does not read, --duration ends the trace, and all is there once it does", async () => {
  await using vrft = new Stalled(...FEW, "--duration", "4s");
  await vrft.live();
  await flood(50);
  await until("detached", async () => (await attached()).length === 0, DETACH_SECONDS);
  assert.equal(await vrft.over(0), false);
  const { code, stdout, stderr } = await vrft.read();
  assert.equal(code, 0, stderr);
  assert.ok(stdout.length > 2 * 65536, `${stdout.length} bytes`);
  const { calls } = parse(stdout);
  assert.equal(summary(stderr).get("calls"), calls.length);
  assert.equal(summary(stderr).get("events lost"), 0);
});

Deno.test("With a reader that does not read, SIGTERM detaches, and a second one ends vrft", async () => {
  await using vrft = new Stalled(...FEW);
  await vrft.live();
  await flood(50);
  await vrft.signal("SIGTERM");
  await until("detached", async () => (await attached()).length === 0, DETACH_SECONDS);
  assert.equal(await vrft.over(2), false);
  await vrft.signal("SIGTERM");
  assert.ok(await vrft.over(10));
  assert.deepEqual(await leftovers(), []);
  const { code, stdout, stderr } = await vrft.read();
  assert.equal(code, 0, stderr);
  // The contents of the pipe.
  assert.match(stdout, /^Timestamp .*\n/);
  assert.ok(stdout.length < 3 * 65536);
  assert.match(stderr, /All probes are detached; waiting until standard output takes/);
  assert.ok(summary(stderr).get("events not printed")! > 0, stderr);
});
