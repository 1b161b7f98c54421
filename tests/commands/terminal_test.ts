import assert from "node:assert/strict";
import { recorded } from "../support/recordings.ts";
import { Terminal } from "../support/terminal.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const FILE = Deno.makeTempFileSync({ suffix: ".vrft" });
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));
Deno.writeFileSync(FILE, await recorded(() => {}));

for (
  const [args, what] of [
    [["record"], "a recording"],
    [["export", FILE, "--format", "pcapng"], "this format"],
    [["--from", FILE, "--format", "perfetto"], "this format"],
  ] as const
) {
  Deno.test(`nothing but text is written to a terminal: vrft ${args[0]}`, async () => {
    using terminal = new Terminal(200);
    const run = ["run", "-A", "--quiet", "--no-check", MAIN, ...args];
    assert.equal(await terminal.run(Deno.execPath(), ...run), 2, terminal.text);
    assert.match(
      terminal.text,
      new RegExp(`^vrft: Cannot write ${what} to a terminal: name a file`, "m"),
    );
  });
}
