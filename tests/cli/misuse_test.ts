import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/program.ts";

/** What a bad command line prints; the last line points to the help. */
const MISUSES: readonly [args: string[], message: string, see?: string][] = [
  // Values
  [
    ["-n", "abc"],
    `Option '-n, --limit <N>' does not take "abc": give a whole number from 1, such as 400`,
  ],
  [
    ["-n", "0"],
    `Option '-n, --limit <N>' does not take "0": give a whole number from 1, such as 400`,
  ],
  [
    ["-n", "-5"],
    `Option '-n, --limit <N>' does not take "-5": give a whole number from 1, such as 400`,
  ],
  [
    ["-n-5"],
    `Option '-n, --limit <N>' does not take "-5": give a whole number from 1, such as 400`,
  ],
  [
    ["--limit=NaN"],
    `Option '-n, --limit <N>' does not take "NaN": give a whole number from 1, such as 400`,
  ],
  [
    ["--limit="],
    `Option '-n, --limit <N>' does not take "": give a whole number from 1, such as 400`,
  ],
  [
    ["--sample", "0"],
    `Option '--sample <N>' does not take "0": give a whole number from 1 to 4294967295, such as 100`,
  ],
  [
    ["--duration", "0"],
    `Option '--duration <TIME>' does not take "0": give a time from 1ms to 596h, such as 500ms, 10s or 2m`,
  ],
  [
    ["--max-overhead", "half"],
    `Option '--max-overhead <PERCENT>' does not take "half": give a percentage of one CPU above 0, such as 50, 12.5 or 200%`,
  ],
  [
    ["--buffer", "2G"],
    `Option '--buffer <SIZE>' does not take "2G": give a size from 4k to 1G, such as 64M, 8MiB or 65536`,
  ],
  [
    ["--backend", "sesion"],
    `Option '--backend <BACKEND>' does not take "sesion": give one of auto, session, multi, kprobe`,
  ],
  [["-i", ""], `Option '-i, --interface <NAME>' does not take "": it must not be empty`],
  [["-f", ""], `Option '-f, --function <GLOB>' does not take "": it must not be empty`],
  [
    ["-x", "a["],
    `Option '-x, --exclude <GLOB>' does not take "a[": give a name with *, ?, [a-z] or [!a-z], such as 'vr_*'`,
  ],
  [["--kernel-btf="], `Option '--kernel-btf <FILE>' does not take "": it must not be empty`],
  [["--vrouter-btf="], `Option '--vrouter-btf <FILE>' does not take "": it must not be empty`],
  [["-o", ""], `Option '-o, --output <FILE>' does not take "": it must not be empty`],
  [["--ready-file", ""], `Option '--ready-file <FILE>' does not take "": it must not be empty`],
  [
    ["-n", "\x1b[2J\u009b\n"],
    `Option '-n, --limit <N>' does not take "\\u001b[2J\\x9b\\n": give a whole number from 1, such as 400`,
  ],
  // Missing values
  [["-n"], "Option '-n, --limit <N>' needs a value"],
  [["-i", "-n", "5"], "Option '-i, --interface <NAME>' needs a value, not the option '-n'"],
  [["-o", "--debug"], "Option '-o, --output <FILE>' needs a value, not the option '--debug'"],
  [["-f", "--limit=5"], "Option '-f, --function <GLOB>' needs a value, not the option '--limit'"],
  // Unknown words
  [["--lmit", "5"], "Unknown option '--lmit' (did you mean --limit?)"],
  [["--debug=yes"], "Option '--debug' takes no value"],
  [["--nonsense"], "Unknown option '--nonsense'"],
  [["-q"], "Unknown option '-q'"],
  [["--\x1b[2J"], "Unknown option '--\\x1b[2J'"],
  [["function"], "Unknown command 'function' (did you mean functions?)"],
  [["function", "--json"], "Unknown command 'function' (did you mean functions?)"],
  [["help", "interface"], "Unknown command 'interface' (did you mean interfaces?)"],
  [["eth0"], "Unknown command 'eth0'"],
  [[""], "Unknown command ''"],
  [["--", "--limit"], "Unknown command '--limit'"],
  [["functions", "x"], `Unexpected argument "x" of 'vrft functions'`, "vrft functions"],
  [
    ["functions", "--", "--json"],
    `Unexpected argument "--json" of 'vrft functions'`,
    "vrft functions",
  ],
  [["interfaces", ""], `Unexpected argument "" of 'vrft interfaces'`, "vrft interfaces"],
  [
    ["completions", "bash", "zsh"],
    `Unexpected argument "zsh" of 'vrft completions'`,
    "vrft completions",
  ],
  [["completions"], "Missing required argument 'bash|zsh|fish'", "vrft completions"],
  [
    ["completions", "tcsh"],
    `'vrft completions' does not take "tcsh": give one of bash, zsh, fish`,
    "vrft completions",
  ],
  // Options of other commands
  [
    ["-n", "5", "functions"],
    "Option '--limit' does not belong to 'vrft functions' but to 'vrft'",
    "vrft functions",
  ],
  [
    ["functions", "-n5"],
    "Option '-n' does not belong to 'vrft functions' but to 'vrft'",
    "vrft functions",
  ],
  [
    ["interfaces", "--limit=5"],
    "Option '--limit' does not belong to 'vrft interfaces' but to 'vrft'",
    "vrft interfaces",
  ],
  [
    ["--debug", "completions", "bash"],
    "Option '--debug' does not belong to 'vrft completions' but to 'vrft', 'vrft functions', 'vrft interfaces' and 'vrft check'",
    "vrft completions",
  ],
  [
    ["--json", "functions"],
    "Option '--json' does not belong to 'vrft' but to 'vrft functions', 'vrft interfaces' and 'vrft check'",
  ],
  [
    ["functions", "--version"],
    "Option '--version' does not belong to 'vrft functions' but to 'vrft'",
    "vrft functions",
  ],
  // Contradictions
  [
    ["--no-vrouter", "--vrouter-btf", "x"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
  ],
  [
    ["--no-vrouter", "functions", "--vrouter-btf", "x"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
    "vrft functions",
  ],
  [
    ["check", "--vrouter-btf", "x", "--no-vrouter"],
    "Options '--no-vrouter' and '--vrouter-btf' cannot be used together",
    "vrft check",
  ],
  [
    ["check", "-n", "5"],
    "Option '-n' does not belong to 'vrft check' but to 'vrft'",
    "vrft check",
  ],
  [
    ["--no-vrouter", "-i", "eth0", "-i", "vif0/1"],
    `Option '--no-vrouter' cannot be used with a vif such as "vif0/1"`,
  ],
];

for (const [args, message, see = "vrft"] of MISUSES) {
  Deno.test(`parseArguments() rejects ${JSON.stringify(args)}`, () => {
    assert.deepEqual(parseArguments(args, "1.2.3"), {
      command: "misuse",
      text: `${message}\nSee '${see} --help'\n`,
    });
  });
}
