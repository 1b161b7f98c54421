import assert from "node:assert/strict";
import {
  type Call,
  keep,
  parse,
  ping,
  run,
  settle,
  shape,
  summary,
  traceWhile,
  WORKING,
} from "./support.ts";

/** The best, whatever the guest takes to load programs: trampolines alone find packets on the stack. */
const BACKEND = WORKING[0]!;
const SELECTED = ["-f", "vr_*", "-f", "lh_*", "-i", "tap1", "-i", "tap2"];

/** Those of functions whose packet is on the stack that are traced. */
function stacked(...names: string[]): string[] {
  return BACKEND === "trampoline" ? names : [];
}

/** Sends one echo request through a case of the stand-in module. */
async function provoke(name: string): Promise<void> {
  await Deno.writeTextFile("/proc/vrouter_case", name);
  try {
    await ping(1);
  } finally {
    await Deno.writeTextFile("/proc/vrouter_case", "off");
  }
}

const CASES = ["recursion 5", "pointers", "positions", "structs", "qualifiers", "tail", "orphans"];
/** What each case called, from one trace of them all. */
const traced = new Map<string, readonly Call[]>();
let incomplete: readonly Call[] = [];

Deno.test.beforeAll(async () => {
  await settle();
  const { code, stdout, stderr } = await traceWhile(
    [...SELECTED, "--backend", BACKEND],
    async () => {
      for (const name of CASES) await provoke(name);
    },
  );
  assert.equal(code, 0, stderr);
  const { calls } = parse(stdout);
  incomplete = calls.filter(({ note }) => note !== "");
  // The reply comes by as well, and goes through no case.
  const inputs = calls.filter((call) =>
    call.name === "vr_tracer_case_input" && call.calls.length > 0
  );
  assert.equal(inputs.length, CASES.length, stdout);
  for (const [index, name] of CASES.entries()) traced.set(name, inputs[index]!.calls);
});

/** The functions of a case in the order of their calls, without the one that calls them all. */
function namesOf(name: string): string[] {
  const flat = (calls: readonly Call[]): string[] =>
    calls.flatMap((call) => [call.name, ...flat(call.calls)]);
  // That one is called as the case is, in the plural: vr_case_pointers.
  return flat(traced.get(name)!).filter((one) => one.startsWith("vr_case_") && !one.endsWith("s"));
}

Deno.test("Recursion nests, each call with its own return", () => {
  const [outermost] = keep(
    traced.get("recursion 5")!,
    new Set(["vr_case_recursion", "lh_pfrag_len"]),
  );
  let expected = "vr_case_recursion(lh_pfrag_len)";
  for (let level = 0; level < 5; level++) expected = `vr_case_recursion(lh_pfrag_len ${expected})`;
  assert.equal(shape(outermost!), expected);
});

Deno.test("Packets behind two pointers are found", () => {
  assert.deepEqual(namesOf("pointers"), [
    "vr_case_pointer",
    "vr_case_pointer_const",
    "vr_case_pointer_skb",
    "vr_case_pointer_replace",
  ]);
});

Deno.test("Packets are found in every register, and by trampolines on the stack", () => {
  assert.deepEqual(namesOf("positions"), [
    "vr_case_fourth",
    "vr_case_fifth",
    "vr_case_sixth",
    "vr_case_sixth_skb",
    ...stacked("vr_case_seventh", "vr_case_twelfth"),
  ]);
});

Deno.test("Packets are found behind structs passed by value", () => {
  assert.deepEqual(namesOf("structs"), [
    "vr_case_struct_word",
    "vr_case_struct_pair",
    "vr_case_struct_memory",
    "vr_case_struct_split",
    ...stacked("vr_case_struct_full"),
  ]);
});

if (BACKEND === "trampoline") {
  Deno.test("Packets on the stack are left out by another backend, which says why", async () => {
    const { code, stderr } = await run("vrft", ["-f", "vr_case_seventh", "--backend", "session"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /matches -f "vr_case_seventh" \(.*: parameter 7 arrives on the stack, which only trampolines/,
    );
  });
}

Deno.test("Packets are found behind const, volatile and typedefs", () => {
  assert.deepEqual(namesOf("qualifiers").sort(), [
    "vr_case_const",
    "vr_case_skb_const",
    "vr_case_typedef",
    "vr_case_typedef_const",
    "vr_case_typedef_pointer",
    "vr_case_volatile",
  ]);
});

Deno.test("A tail call is inside its caller, and both return", () => {
  const [tail] = keep(traced.get("tail")!, new Set(["vr_case_tail", "vr_case_tail_target"]));
  assert.equal(shape(tail!), "vr_case_tail(vr_case_tail_target)");
});

Deno.test("A packet that is kept stays so, without vif, device and the one it came in by", () => {
  assert.deepEqual(namesOf("orphans"), [
    "vr_case_no_vif",
    "vr_case_only_iif",
    "vr_case_nowhere",
    "vr_case_no_dev",
  ]);
});

Deno.test("No case leaves a call without its return", () => {
  assert.deepEqual(incomplete, []);
});

Deno.test("Calls of one CPU that cross because they sleep are told apart by task", async () => {
  await settle();
  // A trampoline's program may be preempted, and the calls of the task that gets the CPU are missed.
  const backend = WORKING.find((one) => one !== "trampoline")!;
  const args = [...SELECTED, "--backend", backend, "-x", "vr_virtual_input"];
  const { code, stdout, stderr } = await traceWhile(args, () => provoke("sleep 2"));
  assert.equal(code, 0, stderr);
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
  assert.equal(summary(stderr).get("calls closed without a return"), undefined, stdout);
});
