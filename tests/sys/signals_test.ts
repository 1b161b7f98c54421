import assert from "node:assert/strict";
import { endingSignals } from "../../src/sys/signals.ts";

const status = (ignored: string): string =>
  `SigBlk:\t0000000000000000\nSigIgn:\t${ignored}\nSigCgt:\t0000000100000440\n`;

Deno.test("Signals end the program, but for those that were ignored when it was started", () => {
  assert.deepEqual(endingSignals(status("0000000000001000")), ["SIGHUP", "SIGINT", "SIGTERM"]);
  assert.deepEqual(endingSignals(status("0000000000001001")), ["SIGINT", "SIGTERM"], "nohup");
  assert.deepEqual(
    endingSignals(status("0000000000001006")),
    ["SIGHUP", "SIGTERM"],
    "sh -c 'vrft &'",
  );
  assert.deepEqual(endingSignals(status("fffffffffffffeff")), []);
});

Deno.test("What nohup starts finds the hangup ignored", async () => {
  const { stdout } = await new Deno.Command("nohup", {
    args: ["cat", "/proc/self/status"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  assert.ok(!endingSignals(new TextDecoder().decode(stdout)).includes("SIGHUP"));
});
