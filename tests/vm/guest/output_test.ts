import assert from "node:assert/strict";
import { exists } from "../../../src/sys/files.ts";
import {
  type Ended,
  flood,
  FPROBE,
  leftovers,
  parse,
  ping,
  run,
  settle,
  summary,
  vrftArguments,
} from "./support.ts";
import { until } from "./until.ts";

/** Few functions, to attach quickly, but enough to fill a pipe. */
const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*", "-f", "vr_*"];
/** Timeout in seconds for the trace to become live. */
const READY_SECONDS = 240;

const SERVER = `const listener = Deno.listen({ port: 5000 });
console.log("ready");
const connection = await listener.accept();
let bytes = 0;
for await (const chunk of connection.readable) bytes += chunk.length;
console.log(bytes);`;

Deno.test.beforeAll(settle);

Deno.test("What ignores the hangup from the start, as with nohup, goes on after it", async () => {
  const directory = await Deno.makeTempDir();
  const args = vrftArguments([...FEW, "--ready-file", `${directory}/ready`]);
  const child = new Deno.Command("sh", {
    args: ["-c", 'trap "" HUP; exec vrft "$@"', "sh", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await until("live", () => exists(`${directory}/ready`), READY_SECONDS);
  child.kill("SIGHUP");
  await flood(1);
  child.kill("SIGTERM");
  const { code, stdout } = await output;
  assert.equal(code, 0);
  // The hangup preceded the packets.
  assert.ok(parse(new TextDecoder().decode(stdout)).calls.length > 0);
  await Deno.remove(directory, { recursive: true });
});

/** Accepts a connection to vm2's port 5000, and reports the number of bytes received. */
class Sink implements AsyncDisposable {
  readonly #child = new Deno.Command("ip", {
    args: ["netns", "exec", "vm2", "deno", "eval", SERVER],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  readonly #said = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();

  /** Its next message: first that it listens, then the number of bytes. */
  async says(): Promise<string> {
    return (await this.#said.read()).value?.trim() ?? "nothing";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#said.cancel();
  }
}

/** Runs vrft from a bash script, whose arguments are vrft's, and sends a ping once it is live. */
async function pingWhile(script: string, ...args: string[]): Promise<Ended> {
  const ready = `${await Deno.makeTempDir()}/ready`;
  const all = vrftArguments([...args, "--ready-file", ready]);
  let over = false;
  const ended = run("bash", ["-c", script, "bash", ...all]).finally(() => over = true);
  await until("live", () => over || exists(ready), READY_SECONDS);
  if (!over) await ping(1);
  return await ended;
}

Deno.test({
  name: "A trace that traces its own output is noticed, and ended (with FPROBE: else too slow)",
  ignore: !FPROBE,
  fn: async () => {
    await using sink = new Sink();
    assert.equal(await sink.says(), "ready");
    const { code, stderr } = await pingWhile(
      'vrft "$@" | ip netns exec vm1 bash -c "exec cat >/dev/tcp/10.1.1.2/5000"; ' +
        "exit ${PIPESTATUS[0]}",
    );
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Stopped: the output of this trace crosses an interface .*\(-o FILE\)/);
    assert.deepEqual(await leftovers(), []);
  },
});

Deno.test({
  name: "A trace leaves the packets out that carry it over a socket of its own (with FPROBE)",
  ignore: !FPROBE,
  fn: async () => {
    await using sink = new Sink();
    assert.equal(await sink.says(), "ready");
    // The connection is in vm1's namespace; vrft must run where the module answers.
    const { code, stderr } = await pingWhile(
      "exec nsenter --net=/run/netns/vm1 bash -c 'exec 7<>/dev/tcp/10.1.1.2/5000; " +
        'exec nsenter --net=/proc/1/ns/net vrft "$@" >&7\' bash "$@"',
      "--duration",
      "5s",
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Leaves out packets between 10\.1\.1\.1:\d+ and 10\.1\.1\.2:5000/);
    assert.match(stderr, / 0 events lost;/);
    // The events of a ping and of background traffic, but not those of its rows.
    const calls = summary(stderr).get("calls")!;
    assert.ok(calls >= 50 && calls < 3000, stderr);
  },
});
