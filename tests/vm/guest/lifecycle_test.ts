import assert from "node:assert/strict";
import { leftovers, parse, ping, settle, Trace, vrftArguments } from "./support.ts";

const FEW = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*"];

// SIGINT ends the traces of all other tests.
Deno.test("SIGHUP ends a trace with its summary and detaches", async () => {
  await using trace = await Trace.live(...FEW);
  const { code, stderr } = await trace.stop("SIGHUP");
  assert.equal(code, 0);
  assert.match(stderr, / 0 probe hits missed; .* in vrft.*\n$/);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("SIGTERM ends a trace, and Ctrl-C again and again behind it corrupts nothing", async () => {
  await settle();
  await using trace = await Trace.live(...FEW);
  await ping(3);
  for (const signal of ["SIGTERM", "SIGINT", "SIGINT", "SIGINT", "SIGINT"] as const) {
    try {
      trace.signal(signal);
    } catch {
      break; // it was faster
    }
  }
  const { code, stdout, stderr } = await trace.ended();
  assert.equal(code, 0, stderr);
  parse(stdout);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("A reader that closes the pipe ends the trace quietly", async () => {
  await settle();
  const script = 'vrft "$@" | head -n 3; echo ${PIPESTATUS[0]}';
  const args = vrftArguments(["-f", "linux_*", "-f", "nh_*", "--ready-file", "/tmp/closed"]);
  const child = new Deno.Command("bash", {
    args: ["-c", script, "bash", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  while (await Deno.stat("/tmp/closed").catch(() => undefined) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Two packets: the first fills head, the next one finds the pipe closed.
  await ping(5);
  const { stdout, stderr } = await output;
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assert.equal(lines.length, 4);
  assert.equal(lines[3], "0");
  assert.doesNotMatch(new TextDecoder().decode(stderr), /vrft:|roken/);
  assert.deepEqual(await leftovers(), []);
});
