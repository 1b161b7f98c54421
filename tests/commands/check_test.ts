import assert from "node:assert/strict";
import type { CheckResult, Status } from "../../src/check/outcome.ts";
import type { CheckOptions } from "../../src/cli/invocation.ts";
import { runCheck } from "../../src/commands/check.ts";
import type { CommandIo } from "../../src/commands/io.ts";
import { AttachCancelled } from "../../src/probe/backend.ts";

const OPTIONS: CheckOptions = {
  kernelBtf: null,
  vrouterBtf: null,
  vrouter: true,
  backend: "auto",
  json: false,
  color: "never",
  debug: false,
};

function result(check: string, status: Status, advice: string | null = null): CheckResult {
  return { check, title: check, status, found: "something", advice };
}

const WORKS = [result("privileges", "ok"), result("backend_kprobe", "ok")];
const MISSING = [result("privileges", "failed", "run vrft as root"), ...WORKS.slice(1)];

/** What the command writes, and how it ends. */
async function run(
  results: readonly CheckResult[],
  options: Partial<CheckOptions> = {},
  { colour = false, interrupted = false } = {},
): Promise<{ status: number; out: string[]; log: string[] }> {
  const out: string[] = [];
  const log: string[] = [];
  const io: CommandIo = { out: (text) => void out.push(text), log: (text) => void log.push(text) };
  const surroundings = {
    colour,
    stop: AbortSignal.abort(),
    readObject: () => Promise.resolve(new Uint8Array()),
  };
  const status = await runCheck(
    { ...OPTIONS, ...options },
    io,
    surroundings,
    async function* (_choices, tools): AsyncGenerator<CheckResult, void, void> {
      assert.equal(tools.cancelled(), true);
      tools.debug("libbpf says");
      yield* results;
      if (interrupted) throw new AttachCancelled();
    },
  );
  return { status, out, log };
}

Deno.test("runCheck() writes a line per check as it is known, and ends with 0 when all is there", async () => {
  const { status, out, log } = await run(WORKS);
  assert.equal(status, 0);
  assert.equal(out.length, 3);
  assert.match(out[0]!, /^✔ privileges +something\n$/);
  assert.equal(out[2], "\nTracing will work with kprobe events\n");
  assert.deepEqual(log, []);
});

Deno.test("runCheck() ends with 1 and the advice when something is missing", async () => {
  const { status, out } = await run(MISSING);
  assert.equal(status, 1);
  assert.match(out[0]!, /^✖ privileges +something\n +→ run vrft as root\n$/);
  assert.equal(out.at(-1), "\nTracing will not work: 1 thing is missing\n");
});

Deno.test("runCheck() --json writes one object, without colours", async () => {
  const { status, out } = await run(MISSING, { json: true }, { colour: true });
  assert.equal(status, 1);
  assert.equal(out.length, 1);
  const { works, checks } = JSON.parse(out[0]!);
  assert.equal(works, false);
  assert.deepEqual(checks[0], {
    check: "privileges",
    status: "failed",
    found: "something",
    advice: "run vrft as root",
  });
  assert.equal((await run(WORKS, { json: true })).status, 0);
});

Deno.test("runCheck() colours where it may", async () => {
  assert.ok((await run(WORKS, {}, { colour: true })).out[0]!.startsWith("\x1b[32m✔"));
});

Deno.test("runCheck() --debug logs what the checks say", async () => {
  assert.deepEqual((await run(WORKS, { debug: true })).log, ["libbpf says"]);
});

Deno.test("runCheck() that is interrupted comes to no conclusion", async () => {
  for (const json of [false, true]) {
    const { status, out, log } = await run(WORKS, { json }, { interrupted: true });
    assert.equal(status, 1);
    assert.doesNotMatch(out.join(""), /Tracing|works/);
    assert.match(log.join(), /Interrupted/);
  }
});
