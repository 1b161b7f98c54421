/**
 * For tests inside a guest: runs vrft with less than it is used to, and checks what it says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { confined, type Confinement } from "../../support/confine.ts";
import { type Ended, leftovers, run, vrftArguments } from "./support.ts";

/** Arguments of a trace that is over soon. */
export const SHORT = ["-f", "vm_rx", "-f", "nh_*", "-f", "linux_*", "--duration", "200ms"];

/** Command and arguments that start vrft confined. */
export function confinedVrft(confinement: Confinement, args: readonly string[]): string[] {
  return confined(confinement, ["vrft", ...vrftArguments(args)]);
}

/** Runs a confined vrft to its end. */
export async function runConfined(
  confinement: Confinement,
  args: readonly string[],
): Promise<Ended> {
  const [program, ...rest] = confinedVrft(confinement, args);
  return await run(program!, rest);
}

/** Runs vrft from a shell that has limited itself. */
export async function runLimited(limit: string, args: readonly string[]): Promise<Ended> {
  return await run("sh", ["-c", `${limit} && exec vrft "$@"`, "sh", ...vrftArguments(args)]);
}

/** Status 1 with the reason, no stack trace, no output, and nothing left in the kernel. */
export async function assertFailure(
  { code, stdout, stderr }: Ended,
  ...reasons: RegExp[]
): Promise<void> {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^vrft: Cannot /m);
  for (const reason of reasons) assert.match(stderr, reason);
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|bug in vrft/);
  assert.deepEqual(await leftovers(), []);
}

/** A trace that ran as always, and left nothing in the kernel. */
export async function assertTrace({ code, stdout, stderr }: Ended): Promise<void> {
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Timestamp /);
  assert.match(stderr, / 0 probe hits missed; .* in vrft.*\n$/);
  assert.deepEqual(await leftovers(), []);
}
