/**
 * For tests inside a guest: runs `vrft check`, and parses what it prints.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Ended, leftovers, run } from "./support.ts";

/** What `vrft check` printed: the lines by their title, each with its sign, and the last line. */
export interface Printed {
  readonly signs: ReadonlyMap<string, string>;
  /** Titles of what is missing. */
  readonly missing: readonly string[];
  readonly last: string;
}

/**
 * Runs `vrft check`, and asserts what holds in any case: everything missing has advice, there is no
 * internal error, and nothing is left behind.
 */
export async function check(
  args: readonly string[] = [],
  options: Deno.CommandOptions = {},
): Promise<Ended & Printed> {
  const ended = await run("vrft", ["check", ...args], options);
  assert.equal(ended.stderr, "");
  assert.doesNotMatch(ended.stdout, /\bat .*:\d+:\d+|bug in vrft|undefined/);
  assert.deepEqual(await leftovers(), []);
  const lines = ended.stdout.trimEnd().split("\n");
  const titled = lines.flatMap((line) => {
    const [, sign, title] = /^([✔✖–]) (.{30})\S/.exec(line) ?? [];
    return sign === undefined || title === undefined ? [] : [[title.trim(), sign] as const];
  });
  const missing = titled.filter(([, sign]) => sign === "✖").map(([title]) => title);
  const advice = ended.stdout.match(/^ +→ /gm) ?? [];
  assert.ok(advice.length >= missing.length, ended.stdout);
  assert.equal(ended.code, missing.length === 0 ? 0 : 1, ended.stdout);
  return { ...ended, signs: new Map(titled), missing, last: lines.at(-1)! };
}
