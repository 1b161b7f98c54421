import assert from "node:assert/strict";
import { type Call, keep, parse, ping, settle, shape, summary, traceWhile } from "./support.ts";

/** Traces one echo request that goes through a case of the stand-in module. */
async function traceCase(name: string, args: readonly string[] = []): Promise<{
  readonly roots: readonly Call[];
  readonly calls: readonly Call[];
  readonly stdout: string;
  readonly stderr: string;
}> {
  await settle();
  await Deno.writeTextFile("/proc/vrouter_case", name);
  try {
    const all = ["-f", "vr_*", "-f", "lh_*", "-i", "tap1", "-i", "tap2", ...args];
    const { code, stdout, stderr } = await traceWhile(all, () => ping(1));
    assert.equal(code, 0, stderr);
    return { ...parse(stdout), stdout, stderr };
  } finally {
    await Deno.writeTextFile("/proc/vrouter_case", "off");
  }
}

/** The functions of a case, without the one that calls them: `vr_case_pointers` and its like. */
function names(calls: readonly Call[]): string[] {
  return calls.map(({ name }) => name)
    .filter((name) => name.startsWith("vr_case_") && !name.endsWith("s"));
}

Deno.test("Recursion nests, each call with its own return", async () => {
  const { roots } = await traceCase("recursion 5");
  const [outermost] = keep(roots, new Set(["vr_case_recursion", "lh_pfrag_len"]))
    .filter(({ name }) => name === "vr_case_recursion");
  let expected = "vr_case_recursion(lh_pfrag_len)";
  for (let level = 0; level < 5; level++) expected = `vr_case_recursion(lh_pfrag_len ${expected})`;
  assert.equal(shape(outermost!), expected);
});

Deno.test("Packets behind two pointers are found", async () => {
  const { calls } = await traceCase("pointers");
  assert.deepEqual(names(calls), [
    "vr_case_pointer",
    "vr_case_pointer_const",
    "vr_case_pointer_skb",
    "vr_case_pointer_replace",
  ]);
});

Deno.test("Packets are found in every register", async () => {
  const { calls } = await traceCase("positions");
  assert.deepEqual(names(calls), [
    "vr_case_fourth",
    "vr_case_fifth",
    "vr_case_sixth",
    "vr_case_sixth_skb",
  ]);
});

Deno.test("Packets are found behind structs passed by value", async () => {
  const { calls } = await traceCase("structs");
  assert.deepEqual(names(calls), [
    "vr_case_struct_word",
    "vr_case_struct_pair",
    "vr_case_struct_memory",
    "vr_case_struct_split",
  ]);
});

Deno.test("Packets are found behind const, volatile and typedefs", async () => {
  const { calls } = await traceCase("qualifiers");
  assert.deepEqual(names(calls).sort(), [
    "vr_case_const",
    "vr_case_skb_const",
    "vr_case_typedef",
    "vr_case_typedef_const",
    "vr_case_typedef_pointer",
    "vr_case_volatile",
  ]);
});

Deno.test("A tail call is inside its caller, and both return", async () => {
  const { roots, calls, stdout } = await traceCase("tail");
  const [tail] = keep(roots, new Set(["vr_case_tail", "vr_case_tail_target"]));
  assert.equal(shape(tail!), "vr_case_tail(vr_case_tail_target)");
  assert.ok(calls.every(({ note }) => note === ""), stdout);
});

Deno.test("A packet is kept for its vif, its device or the one it came in by, and not without", async () => {
  const { calls } = await traceCase("orphans");
  assert.deepEqual(names(calls), ["vr_case_no_vif", "vr_case_only_iif", "vr_case_no_dev"]);
});

Deno.test("Calls of one CPU that cross because they sleep are told apart by task", async () => {
  const { stdout, stderr } = await traceCase("sleep 2", ["-x", "vr_virtual_input"]);
  const rows = stdout.split("\n").map((line) => line.slice(21));
  const sleepy = rows.filter((row) => /^\d{3} +(vr_sleepy_|\})/.test(row));
  const inputs = rows.flatMap((row, index) =>
    /^\d{3} vr_sleepy_input\(\) \{/.test(row) ? [index] : []
  );
  assert.equal(inputs.length, 2, stdout);
  const cpu = rows[inputs[0]!]!.slice(0, 3);
  assert.equal(rows[inputs[1]!]!.slice(0, 3), cpu, "the workers are on one CPU");
  // Between the two entries no outermost call of this CPU ends: both are open at once.
  assert.ok(
    !rows.slice(inputs[0]! + 1, inputs[1]).some((row) => row.startsWith(`${cpu} }`)),
    sleepy.join("\n"),
  );
  for (const name of ["vr_sleepy_begin", "vr_sleepy_end"]) {
    const entries = rows.filter((row) => row.includes(`${name}()`));
    assert.equal(entries.length, 2, stdout);
    for (const row of entries) assert.match(row, new RegExp(`^${cpu}   ${name}\\(\\) \\{`));
  }
  assert.equal(summary(stderr).get("calls closed without their return"), undefined, stdout);
});
