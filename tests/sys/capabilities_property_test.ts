import assert from "node:assert/strict";
import { type Capability, missingCapabilities } from "../../src/sys/capabilities.ts";
import { mutate } from "../support/mutate.ts";
import { forRandomCases } from "../support/property.ts";

const STATUS = "Name:\tvrft\nCapPrm:\t000001ffffffffff\nCapEff:\t000000c400201000\nSeccomp:\t0\n";
const WANTED: readonly Capability[] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG", "CAP_NET_ADMIN"];

Deno.test("missingCapabilities() takes any bytes for a status, and what says nothing for none", () => {
  const original = new TextEncoder().encode(STATUS);
  let all = 0;
  const runs = forRandomCases(0xcab, (random) => {
    const status = new TextDecoder().decode(mutate(original, random));
    const missing = missingCapabilities(status, WANTED);
    assert.ok(missing.every((capability) => WANTED.includes(capability)));
    if (!status.includes("CapEff:")) assert.deepEqual(missing, WANTED);
    if (missing.length === WANTED.length) all++;
  }, 5_000);
  assert.ok(all > 0 && all < runs);
});
