import assert from "node:assert/strict";
import { matcher } from "../../src/kernel/glob.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";
import { isFailure } from "../support/failures.ts";

function matches(glob: string, name: string): boolean {
  return matcher([glob])(name);
}

Deno.test("a glob covers the whole name", () => {
  assert.ok(matches("nh_output", "nh_output"));
  assert.ok(!matches("nh_out", "nh_output"));
  assert.ok(!matches("output", "nh_output"));
  assert.ok(!matches("", "nh_output"));
});

Deno.test("a star stands for any text, also none", () => {
  for (const glob of ["*", "vr_*", "*_forward", "vr_*_forward", "*flow*", "vr_flow_forward*"]) {
    assert.ok(matches(glob, "vr_flow_forward"), glob);
  }
  for (const glob of ["nh_*", "*_forwar", "vr_*x*_forward", "*flow*flow*"]) {
    assert.ok(!matches(glob, "vr_flow_forward"), glob);
  }
  assert.ok(matches("*ab", "aab"));
});

Deno.test("a question mark stands for one character", () => {
  assert.ok(matches("ip?_rcv", "ip6_rcv"));
  assert.ok(!matches("ip?_rcv", "ip_rcv"));
  assert.ok(!matches("ip_rcv?", "ip_rcv"));
});

Deno.test("brackets stand for one character of a set, or outside of it", () => {
  assert.ok(matches("tcp_v[46]_rcv", "tcp_v4_rcv"));
  assert.ok(!matches("tcp_v[46]_rcv", "tcp_v5_rcv"));
  assert.ok(matches("tcp_v[0-9a]_rcv", "tcp_v7_rcv"));
  assert.ok(matches("tcp_v[0-9a]_rcv", "tcp_va_rcv"));
  assert.ok(!matches("tcp_v[0-9a]_rcv", "tcp_vb_rcv"));
  assert.ok(matches("[!_]*", "ip_rcv"));
  assert.ok(!matches("[^_]*", "__ip_rcv"));
  assert.ok(matches("[]x]", "]"));
  assert.ok(matches("[a-]", "-"));
});

Deno.test("characters of regular expressions mean themselves", () => {
  assert.ok(matches("a.b", "a.b"));
  assert.ok(!matches("a.b", "axb"));
  assert.ok(!matches("a+", "aa"));
});

Deno.test("several globs match what any of them matches, and none match nothing", () => {
  const test = matcher(["vr_*", "nh_*"]);
  assert.deepEqual(["vr_trap", "nh_output", "vm_rx"].map(test), [true, true, false]);
  assert.ok(!matcher([])("vm_rx"));
});

Deno.test("matcher() rejects a bracket that is not closed", () => {
  assert.throws(() => matcher(["vr_[a-z"]), isFailure("glob"));
  assert.throws(() => matcher(["[]"]), /Invalid glob "\[\]"/);
});

Deno.test("globs of stars and question marks match what the regular expression matches", () => {
  const seed = 42;
  const runs = propertyRuns(10_000);
  console.log(`seed ${seed}, ${runs} runs`);
  const random = new Random(seed);
  const text = (alphabet: string, longest: number): string =>
    Array.from({ length: random.int(longest + 1) }, () => random.pick([...alphabet])).join("");
  let matched = 0;
  for (let run = 0; run < runs; run++) {
    const glob = text("ab*?", 7);
    const name = text("ab", 9);
    const expected = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
    assert.equal(matches(glob, name), expected, `${glob} ${name}`);
    matched += Number(expected);
  }
  assert.ok(matched > 0 && matched < runs);
});

Deno.test("a glob of many stars does not take exponential time", () => {
  // A backtracking matcher would not come to the end of it.
  assert.ok(!matches("a*".repeat(100) + "b", "a".repeat(511)));
});
