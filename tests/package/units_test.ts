import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";
import { traceCapabilities } from "../../src/sys/capabilities.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { readUnit, UNITS } from "../support/units.ts";
import { attempt, CHECKOUT, TemporaryFolder } from "./commands.ts";

const FOLDER = new URL(`file://${CHECKOUT}/scripts/debian/`);

testUnless(
  whyNoProgram("systemd-analyze"),
  "systemd accepts each setting of the units",
  async () => {
    await using folder = await TemporaryFolder.make();
    for (const name of UNITS) {
      const path = `${folder.path}/${name}.service`;
      const text = await Deno.readTextFile(new URL(`${name}.service`, FOLDER));
      // Neither the program nor its manual page need be on this machine.
      const here = text.replace("/usr/bin/vrft", "/bin/true").replace("man:vrft(1) ", "");
      await Deno.writeTextFile(path, here);
      const { code, stderr } = await attempt("systemd-analyze", ["verify", "--man=no", path]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    }
  },
);

/** Of ten, by `systemd-analyze security`: 3.5 at the moment, 9.6 without any setting. */
const MOST_EXPOSED = 4;

testUnless(
  whyNoProgram("systemd-analyze"),
  "the units are exposed no more than tracing needs, by systemd's own measure",
  async () => {
    await using folder = await TemporaryFolder.make();
    for (const name of UNITS) {
      const path = `${folder.path}/${name}.service`;
      await Deno.copyFile(new URL(`${name}.service`, FOLDER), path);
      const { code, stdout } = await attempt("systemd-analyze", [
        ...["security", "--offline=true", "--no-pager", `--threshold=${10 * MOST_EXPOSED}`, path],
      ]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /Overall exposure level for/);
    }
  },
);

for (const name of UNITS) {
  const { args, capabilities, values } = readUnit(FOLDER, name);

  Deno.test(`${name} runs a command line of vrft, with bounds`, () => {
    const invocation = parseArguments(args, "");
    assert.notEqual(invocation.command, "misuse", JSON.stringify(invocation));
    assert.ok(args.includes("--max-overhead"));
    for (const bound of ["CPUQuota", "MemoryMax"]) assert.equal(values(bound).length, 1, bound);
    assert.deepEqual(values("ProtectSystem"), ["strict"]);
    assert.deepEqual(values("Restart"), ["always"]);
  });

  Deno.test(`${name} has the capabilities of a trace, and few more`, () => {
    for (const capability of traceCapabilities(true)) assert.ok(capabilities.includes(capability));
    assert.ok(capabilities.length < 8);
  });
}
