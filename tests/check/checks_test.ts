import assert from "node:assert/strict";
import { type CheckChoices, checkHost, type CheckTools } from "../../src/check/checks.ts";
import type { CheckResult } from "../../src/check/outcome.ts";
import { AttachCancelled } from "../../src/probe/backend.ts";

const CHOICES: CheckChoices = { kernelBtf: null, vrouterBtf: null, vrouter: true, backend: "auto" };

async function all(choices: CheckChoices, tools: CheckTools | null = null): Promise<CheckResult[]> {
  return await Array.fromAsync(checkHost(choices, tools));
}

Deno.test("checkHost() makes each check once on any host, and has advice for each that fails", async () => {
  const results = await all(CHOICES);
  const names = results.map(({ check }) => check);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names[0], "kernel_release");
  for (const { check, title, status, found, advice } of results) {
    assert.match(check, /^([a-z_]+|CONFIG_[A-Z_]+)$/);
    assert.ok(title !== "" && found !== "", check);
    if (status === "failed") assert.ok(advice, check);
    for (const text of [found, advice ?? ""]) assert.doesNotMatch(text, /\.$|undefined|null/);
  }
});

Deno.test("checkHost() asks nothing of vrouter with --no-vrouter", async () => {
  for (const { check, status, found } of await all({ ...CHOICES, vrouter: false })) {
    if (!check.startsWith("vrouter_")) continue;
    assert.equal(status, "note", check);
    assert.match(found, /--no-vrouter/);
  }
});

Deno.test("checkHost() fails for a BTF file that is none, and goes on", async () => {
  const results = await all({ ...CHOICES, kernelBtf: "/proc/self/status" });
  const btf = results.find(({ check }) => check === "kernel_btf")!;
  assert.equal(btf.status, "failed");
  assert.match(btf.found, /\/proc\/self\/status/);
  assert.equal(results.at(-1)?.check, "functions");
});

Deno.test("checkHost() ends as soon as the user wants out", async () => {
  let asked = 0;
  const tools: CheckTools = {
    readObject: () => assert.fail("it should have ended"),
    cancelled: () => ++asked > 3,
    debug: () => {},
  };
  const made: string[] = [];
  await assert.rejects(async () => {
    for await (const { check } of checkHost(CHOICES, tools)) made.push(check);
  }, AttachCancelled);
  assert.equal(made.length, 3);
});
