import assert from "node:assert/strict";
import { Terminal } from "../support/terminal.ts";
import { attempt } from "./commands.ts";
import { PROGRAM } from "./packing.ts";

const COMMANDS = [
  ["--help"],
  ["--version"],
  ["functions"],
  ["check"],
  ["interfaces"],
  // What a machine without a vrouter module says to a trace.
  ["--duration", "1ms", "--kernel-btf", "/nonexistent"],
  ["--nonsense"],
];

/** Lines in the order of the alphabet, as two streams mingle, and without what is new in each run. */
function linesOf(text: string): string[] {
  return text.replaceAll("\r\n", "\n").replaceAll(/\d+/g, "0").trimEnd().split("\n").sort();
}

for (const args of COMMANDS) {
  Deno.test(`a terminal shows what pipes get, and no word of the runtime: ${args.join(" ")}`, async () => {
    // The terminal is wide enough for every line.
    using terminal = new Terminal(1000);
    const code = await terminal.run("env", "NO_COLOR=1", PROGRAM, ...args);
    const piped = await attempt(PROGRAM, args);
    assert.equal(code, piped.code);
    assert.deepEqual(linesOf(terminal.text), linesOf(piped.stdout + piped.stderr));
  });
}
