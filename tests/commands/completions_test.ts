import assert from "node:assert/strict";
import { COMMANDS, flagsOf } from "../../src/cli/grammar.ts";
import { SHELLS } from "../../src/cli/invocation.ts";
import { runCompletions } from "../../src/commands/completions.ts";
import type { CommandIo } from "../../src/commands/io.ts";
import { REASON_WORDS } from "../../src/vrouter/drop_reasons.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";
import { offers, offersOfAll } from "./shells.ts";

const SUBCOMMANDS = [
  "check",
  "completions",
  "diff",
  "drops",
  "export",
  "functions",
  "help",
  "info",
  "interfaces",
  "packets",
  "record",
];

for (const shell of SHELLS) {
  const script = scriptOf(shell);
  const reason = whyNoProgram(shell);

  /** A test that needs the shell; it starts in an empty directory. */
  const test = (name: string, fn: (directory: string) => Promise<void>): void => {
    testUnless(reason, `completions for ${shell} ${name}`, async () => {
      const directory = await Deno.makeTempDir({ prefix: "vrft-completions-" });
      try {
        await fn(directory);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });
  };

  test("have no syntax error", async (directory) => {
    const file = `${directory}/script`;
    await Deno.writeTextFile(file, script);
    const { code, stderr } = await new Deno.Command(shell, { args: ["-n", file] }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
  });

  for (const { name, options } of COMMANDS) {
    test(`offer each option of vrft ${name}`.trimEnd(), async (directory) => {
      const words = name === "" ? ["vrft", "--"] : ["vrft", name, "--"];
      const long = Object.keys(options).map((option) => `--${option}`).sort();
      assert.deepEqual(await offers(shell, script, words, directory), long);
    });
  }

  test("offer the subcommands, also behind options and their values", async (directory) => {
    assert.deepEqual(await offers(shell, script, ["vrft", ""], directory), SUBCOMMANDS);
    for (const words of [["-n", "5"], ["-i", "functions"], ["--debug"], ["--backend=auto"]]) {
      const line = ["vrft", ...words, "fun"];
      assert.deepEqual(await offers(shell, script, line, directory), ["functions"], line.join(" "));
    }
  });

  test("offer options behind a filter, and no subcommands", async (directory) => {
    const options = await offers(shell, script, ["vrft", "icmp", "and", "--dur"], directory);
    assert.deepEqual(options, ["--duration"]);
    assert.deepEqual(await offers(shell, script, ["vrft", "icmp", "fun"], directory), []);
    const backend = ["vrft", "icmp", "--backend", "ses"];
    assert.deepEqual(await offers(shell, script, backend, directory), ["session"]);
  });

  test("offer the words of lists", async (directory) => {
    const backends = ["auto", "kprobe", "multi", "session", "trampoline"];
    const backend = ["vrft", "--backend", ""];
    assert.deepEqual(await offers(shell, script, backend, directory), backends);
    const shells = ["vrft", "completions", ""];
    assert.deepEqual(await offers(shell, script, shells, directory), ["bash", "fish", "zsh"]);
    const commands = ["vrft", "help", ""];
    assert.deepEqual(await offers(shell, script, commands, directory), [
      "check",
      "completions",
      "diff",
      "drops",
      "export",
      "functions",
      "info",
      "interfaces",
      "packets",
      "record",
    ]);
    const orders = ["vrft", "packets", "--sort", ""];
    assert.deepEqual(await offers(shell, script, orders, directory), ["end", "latency"]);
    const groupings = ["vrft", "packets", "icmp", "--by", ""];
    assert.deepEqual(await offers(shell, script, groupings, directory), ["path"]);
  });

  test("offer the words of a list of several again behind a comma", async (directory) => {
    const all = ["duration", "nh", "packet", "return", "vif"];
    const ask = (word: string): Promise<string[]> =>
      offers(shell, script, ["vrft", "--show", word], directory);
    assert.deepEqual(await ask(""), all);
    assert.deepEqual((await ask("vif,ret")).map((word) => word.replace(/^.*,/, "")), ["return"]);
  });

  test("offer the reasons of drops, in words with dashes", async (directory) => {
    const all = await offers(shell, script, ["vrft", "drops", "--reason", ""], directory);
    assert.deepEqual(all, REASON_WORDS.toSorted());
    const some = await offers(shell, script, ["vrft", "drops", "--reason", "flow-a"], directory);
    assert.deepEqual(some, ["flow-action-drop", "flow-action-invalid"]);
  });

  test("offer files for FILE and for nothing else", async (directory) => {
    await Deno.writeTextFile(`${directory}/some-file`, "");
    const cases = COMMANDS.flatMap(({ name, options }) =>
      Object.entries(options).flatMap(([long, option]) => {
        if (option.value === undefined) return [];
        const expected = option.value.completion === "file" ? ["some-file"] : [];
        return flagsOf(long, option).map((flag) => ({
          words: ["vrft", ...(name === "" ? [] : [name]), flag, "some-file"],
          expected,
        }));
      })
    );
    const lines = cases.map(({ words }) => words);
    const all = await offersOfAll(shell, script, lines, directory);
    for (const [index, { words, expected }] of cases.entries()) {
      assert.deepEqual(all[index], expected, words.join(" "));
    }
  });

  test("offer network devices, whatever their names", async (directory) => {
    await Deno.mkdir(`${directory}/net`);
    for (const name of ["eth0", "eth1", "lo", "eth$(>pwned)"]) {
      await Deno.mkdir(`${directory}/net/${name}`);
    }
    // A file, like bonding_masters, is no device.
    await Deno.writeTextFile(`${directory}/net/eth_masters`, "");
    const local = script.replaceAll("/sys/class/net", `${directory}/net`);
    const devices = await offers(shell, local, ["vrft", "-i", "eth"], directory);
    assert.deepEqual(devices.filter((name) => !name.includes("$")), ["eth0", "eth1"]);
    const hostile = devices.filter((name) => name.includes("$"));
    assert.equal(hostile.length, 1);
    assert.equal(await exists(`${directory}/pwned`), false);
    if (shell === "bash") assert.deepEqual(hostile, ["eth\\$\\(\\>pwned\\)"]);
  });

  test("offer no device and say nothing without /sys", async (directory) => {
    const local = script.replaceAll("/sys/class/net", `${directory}/none`);
    assert.deepEqual(await offers(shell, local, ["vrft", "--interface", ""], directory), []);
  });
}

testUnless(
  whyNoProgram("bash"),
  "completions for bash understand an option and its value joined by =",
  async () => {
    const script = scriptOf("bash");
    const ask = (...words: string[]): Promise<string[]> => offers("bash", script, words, "/");
    // With "=" among the word breaks of readline, as usual, and without.
    assert.deepEqual(await ask("vrft", "--backend", "=", "s"), ["session"]);
    assert.deepEqual(await ask("vrft", "--backend", "=").then((all) => all.length), 5);
    assert.deepEqual(await ask("vrft", "--backend=s"), ["--backend=session"]);
    assert.deepEqual(await ask("vrft", "--limit", "=", "5", "f"), ["functions"]);
  },
);

testUnless(
  whyNoProgram("zsh"),
  "completions for zsh work when they are sourced rather than found in fpath",
  async () => {
    const file = await Deno.makeTempFile({ prefix: "vrft-completions-" });
    try {
      await Deno.writeTextFile(file, scriptOf("zsh"));
      const commands = 'autoload -Uz compinit; compinit -D -u; source "$1"; print $_comps[vrft]';
      const zsh = new Deno.Command("zsh", { args: ["-f", "-c", commands, "zsh", file] });
      const { stdout, stderr } = await zsh.output();
      assert.equal(new TextDecoder().decode(stderr), "");
      assert.equal(new TextDecoder().decode(stdout), "_vrft\n");
    } finally {
      await Deno.remove(file);
    }
  },
);

/** What the command prints. */
function scriptOf(shell: typeof SHELLS[number]): string {
  let script = "";
  const io: CommandIo = {
    out: (text) => script += text,
    log: (text) => assert.fail(text),
  };
  assert.equal(runCompletions(shell, io), 0);
  return script;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
