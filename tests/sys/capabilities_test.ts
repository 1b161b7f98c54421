import assert from "node:assert/strict";
import { type Capability, missingCapabilities } from "../../src/sys/capabilities.ts";

const ALL: Capability[] = [
  "CAP_NET_ADMIN",
  "CAP_SYS_ADMIN",
  "CAP_SYSLOG",
  "CAP_PERFMON",
  "CAP_BPF",
];

/** As /proc/self/status has it, in part. */
function status(effective: string): string {
  return [
    "Name:\tvrft",
    "Pid:\t4711",
    "CapInh:\t0000000000000000",
    "CapPrm:\t000001ffffffffff",
    `CapEff:\t${effective}`,
    "CapBnd:\t000001ffffffffff",
    "CapAmb:\t0000000000000000",
    "NoNewPrivs:\t0",
    "",
  ].join("\n");
}

function bits(...numbers: number[]): string {
  const set = numbers.reduce((sum, number) => sum | 1n << BigInt(number), 0n);
  return set.toString(16).padStart(16, "0");
}

Deno.test("missingCapabilities() misses none of root's", () => {
  assert.deepEqual(missingCapabilities(status("000001ffffffffff"), ALL), []);
  assert.deepEqual(missingCapabilities(status("0000000000000000"), []), []);
});

Deno.test("missingCapabilities() misses all without any, in the order they were asked for", () => {
  assert.deepEqual(missingCapabilities(status("0000000000000000"), ALL), ALL);
  const two: Capability[] = ["CAP_BPF", "CAP_NET_ADMIN"];
  assert.deepEqual(missingCapabilities(status("0000000000000000"), two), two);
});

Deno.test("missingCapabilities() tells each capability by its number", () => {
  const numbers: Record<string, number> = {
    CAP_NET_ADMIN: 12,
    CAP_SYSLOG: 34,
    CAP_PERFMON: 38,
    CAP_BPF: 39,
  };
  for (const [name, number] of Object.entries(numbers)) {
    const others = ALL.filter((other) => other !== name);
    assert.deepEqual(missingCapabilities(status(bits(number)), ALL), others, name);
  }
});

Deno.test("missingCapabilities() takes CAP_SYS_ADMIN for all but CAP_NET_ADMIN", () => {
  assert.deepEqual(missingCapabilities(status(bits(21)), ALL), ["CAP_NET_ADMIN"]);
});

Deno.test("missingCapabilities() looks at the effective ones alone", () => {
  // The permitted and bounding sets of status() are full.
  assert.deepEqual(missingCapabilities(status(bits(39)), ["CAP_BPF", "CAP_PERFMON"]), [
    "CAP_PERFMON",
  ]);
});

Deno.test("missingCapabilities() misses all where the kernel says nothing of them", () => {
  assert.deepEqual(missingCapabilities("Name:\tvrft\n", ["CAP_BPF"]), ["CAP_BPF"]);
});

Deno.test("missingCapabilities() understands this process's own status", () => {
  const own = Deno.readTextFileSync("/proc/self/status");
  const missing = missingCapabilities(own, ALL);
  assert.ok(missing.every((name) => ALL.includes(name)));
  if (own.includes("CapEff:\t000001ffffffffff")) assert.deepEqual(missing, []);
});
