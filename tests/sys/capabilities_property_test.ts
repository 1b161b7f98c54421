import assert from "node:assert/strict";
import { type Capability, missingCapabilities } from "../../src/sys/capabilities.ts";
import { mutate } from "../support/mutate.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const STATUS = "Name:\tvrft\nCapPrm:\t000001ffffffffff\nCapEff:\t000000c400201000\nSeccomp:\t0\n";
const WANTED: readonly Capability[] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG", "CAP_NET_ADMIN"];

Deno.test("missingCapabilities() takes any bytes for a status, and what says nothing for none", () => {
  const seed = 0xcab;
  const runs = propertyRuns(5_000);
  console.log(`${runs} inputs from seed ${seed}`);
  const random = new Random(seed);
  const original = new TextEncoder().encode(STATUS);
  let all = 0;
  for (let run = 0; run < runs; run++) {
    const status = new TextDecoder().decode(mutate(original, random));
    const missing = missingCapabilities(status, WANTED);
    assert.ok(missing.every((capability) => WANTED.includes(capability)));
    if (!status.includes("CapEff:")) assert.deepEqual(missing, WANTED);
    if (missing.length === WANTED.length) all++;
  }
  assert.ok(all > 0 && all < runs);
});
