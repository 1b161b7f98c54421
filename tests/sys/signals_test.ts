import assert from "node:assert/strict";
import { endingSignals } from "../../src/sys/signals.ts";

/** Names of the signals that were ignored. */
function ignored(mask: string | undefined): string[] {
  return [...endingSignals(mask)].filter(([, isIgnored]) => isIgnored).map(([name]) => name);
}

Deno.test("Signals end the program, but for those that were ignored when it was started", () => {
  assert.deepEqual([...endingSignals(undefined).keys()], ["SIGHUP", "SIGINT", "SIGTERM"]);
  assert.deepEqual(ignored(undefined), []);
  assert.deepEqual(ignored("1"), ["SIGHUP"], "nohup");
  assert.deepEqual(ignored("2"), ["SIGINT"], "sh -c 'vrft &'");
  assert.deepEqual(ignored("4003"), ["SIGHUP", "SIGINT", "SIGTERM"]);
});

Deno.test("A mask that is none ignores no signal", () => {
  for (const mask of ["", "x", "1 2", "-1", "123456789"]) assert.deepEqual(ignored(mask), [], mask);
});
