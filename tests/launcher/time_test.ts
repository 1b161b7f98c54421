import assert from "node:assert/strict";
import { Host, hostTest } from "./host.ts";
import { executable, whole } from "./launched_file.ts";

const RUNS = 5;

/** Median of the milliseconds that `start` takes. */
async function time(start: () => Promise<void>, runs = RUNS): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const begin = performance.now();
    await start();
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[runs >> 1]!;
}

/** No limits: how long a start takes is this machine's and the moment's matter. The figures are printed. */
hostTest("a start takes about as long as that of a plain Deno", async () => {
  await using host = await Host.create();
  await using readOnly = await Host.create({ "/var/cache": "mode=755,ro", "/run": "mode=755,ro" });
  const program = executable(
    "program.js",
    Deno.readFileSync(new URL("program.js", import.meta.url)),
  );
  const options = ["--no-config", "--no-lock", "--no-npm", "--no-remote", "--no-prompt"];
  const ends = async (on: Host, file: string, args: readonly string[]): Promise<void> => {
    assert.equal((await on.run({ file, args })).code, 0);
  };
  const args = ["exit", "0"];
  const milliseconds = {
    // What starting the start takes: entering the namespace and running nothing.
    "nothing": await time(() => ends(host, "/bin/true", [])),
    "the first start": await time(() => ends(host, whole(), args), 1),
    "a later start": await time(() => ends(host, whole(), args)),
    "deno run": await time(() =>
      ends(host, Deno.execPath(), ["run", "-A", "--no-code-cache", ...options, program, ...args])
    ),
    "a start from memory": await time(() => ends(readOnly, whole(), args)),
  };
  const size = (Deno.statSync(whole()).size / 1e6).toFixed(1);
  console.log(`A file of ${size} MB; medians of ${RUNS} in ms:`);
  for (const [what, value] of Object.entries(milliseconds)) {
    console.log(`  ${what.padEnd(20)} ${value.toFixed(0).padStart(6)}`);
  }
});
