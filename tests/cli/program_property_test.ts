import assert from "node:assert/strict";
import { COMMANDS, flagsOf } from "../../src/cli/grammar.ts";
import { parseArguments } from "../../src/cli/program.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(2_000);

/** Words that mean something somewhere, and words that are traps for parsers. */
const WORDS: readonly string[] = [
  ...COMMANDS.flatMap(({ name, options }) => [
    name,
    ...Object.entries(options).flatMap(([long, option]) => flagsOf(long, option)),
  ]),
  ..."0 1 -1 400 1e9 10s 64M NaN eth0 vif0/1 vr_* [ auto session bash zsh - -- --- = -= --= -- -0"
    .split(" "),
  ..."__proto__ --__proto__ --constructor=1 constructor toString --no- --no-limit -hv -nn".split(
    " ",
  ),
  "\n",
  "\0",
  "\x1b[31m",
  "\ud800",
  "\u202e",
  "'",
  "x".repeat(5000),
];

/** Beginnings that get past the first word. */
const OPENINGS: readonly (readonly string[])[] = [
  [],
  ["drops"],
  ["packets"],
  ["diff"],
  ["record"],
  ["info"],
  ["export", "a.vrft", "--format", "text"],
  ["functions"],
  ["interfaces"],
  ["check"],
  ["completions", "bash"],
  ["help"],
];

function randomWord(random: Random): string {
  switch (random.int(5)) {
    case 0:
      return random.pick(WORDS) + random.pick(["", "=", ""]) + random.pick(WORDS);
    case 1:
      return String.fromCharCode(...random.bytes(random.int(12)));
    default:
      return random.pick(WORDS);
  }
}

Deno.test("parseArguments() answers any arguments with an invocation of the documented form", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  const seen = new Set<string>();
  for (let run = 0; run < RUNS; run++) {
    const words = Array.from({ length: random.int(6) }, () => randomWord(random));
    const args = [...random.pick(OPENINGS), ...words];
    const given = [...args];
    const invocation = parseArguments(args, "vrft 1.2.3\n");
    const context = JSON.stringify(given);
    assert.deepEqual(args, given);
    seen.add(invocation.command);
    switch (invocation.command) {
      case "trace": {
        const { limit, sample, durationMs, maxOverhead, bufferBytes, interfaces, functions } =
          invocation.options;
        assert(Number.isInteger(sample) && sample >= 1 && sample < 2 ** 32, context);
        assert(limit === null || (Number.isSafeInteger(limit) && limit > 0), context);
        assert(durationMs === null || (Number.isInteger(durationMs) && durationMs > 0), context);
        assert(maxOverhead === null || maxOverhead > 0 && Number.isFinite(maxOverhead), context);
        assert(Number.isInteger(Math.log2(bufferBytes)) && bufferBytes >= 4096, context);
        assert(![...interfaces, ...functions].includes(""), context);
        break;
      }
      case "drops": {
        const { limit, durationMs, intervalMs, format, path, hints } = invocation.options;
        assert(limit === null || (Number.isSafeInteger(limit) && limit > 0), context);
        assert(durationMs === null || (Number.isInteger(durationMs) && durationMs > 0), context);
        assert(intervalMs === null || (Number.isInteger(intervalMs) && intervalMs > 0), context);
        assert(!path || (format === "auto" && !hints), context);
        break;
      }
      case "packets": {
        const { slower, stages, by, rare, order } = invocation.options;
        for (const least of [...stages.map((each) => each.least), slower ?? 1]) {
          assert(Number.isInteger(least) && least > 0, context);
        }
        assert(!rare || by !== null, context);
        assert(by === null || order === "end", context);
        break;
      }
      case "diff":
        assert.equal(invocation.options.expressions.length, 2, context);
        assert(!invocation.options.expressions.includes(""), context);
        break;
      case "completions":
        assert(["bash", "zsh", "fish"].includes(invocation.shell), context);
        break;
      case "show":
        assert.match(invocation.text, /^(Usage: vrft|vrft 1\.2\.3\n$)/, context);
        break;
      case "misuse": {
        // Two lines, whatever was typed, without a character that a terminal could act on.
        assert.match(invocation.text, /^\P{Cc}+\nSee 'vrft[a-z ]* --help'\n$/u, context);
        assert.doesNotMatch(invocation.text, /^error|undefined/, context);
        break;
      }
    }
  }
  // Or else the words are a bad choice; a short run says nothing about that.
  if (RUNS >= 1_000) assert.equal(seen.size, 13, [...seen].join());
});
