import assert from "node:assert/strict";
import { type CheckChoices, checkHost, type CheckName } from "../../src/check/checks.ts";
import { explain, explanation, SUSPECTS } from "../../src/check/explain.ts";
import { type CheckResult, failed, ok, type Outcome } from "../../src/check/outcome.ts";
import { Failure, type FailureKind } from "../../src/sys/failure.ts";

const CHOICES: CheckChoices = { kernelBtf: null, vrouterBtf: null, vrouter: true, backend: "auto" };

/** A failure of a kind; its words, which say nothing, must not matter. */
function failure(kind: FailureKind, message = "words"): Failure {
  return new Failure(kind, message);
}

/** Checks with these outcomes, and the names of those that were made. */
function host(
  outcomes: Partial<Record<CheckName, Outcome>>,
): { made: string[]; checks: () => AsyncGenerator<CheckResult, void, void> } {
  const made: string[] = [];
  return {
    made,
    checks: async function* (): AsyncGenerator<CheckResult, void, void> {
      for (const [check, outcome] of Object.entries(outcomes)) {
        made.push(check);
        yield { check, title: check, ...outcome! };
      }
    },
  };
}

const LOCKED = failed("confidentiality: the kernel forbids kprobes", "boot with lockdown=none");
const NO = failed("it is not there", "see to it");

Deno.test("explain() shows the first failed check that can be the reason", async () => {
  const { checks } = host({
    kernel_release: ok("6.12"),
    vrouter_interfaces: failed("there are none at all", "add some of them"),
    lockdown: LOCKED,
    tracefs: failed("not mounted", "mount it"),
  });
  assert.equal((await explain(CHOICES, failure("backend"), checks))?.check, "lockdown");
});

Deno.test("explain() goes by the kind of the failure, whatever its words", async () => {
  const cases: [FailureKind, CheckName, CheckName | null][] = [
    ["privileges", "privileges", null],
    ["privileges", "kernel_release", "kernel_release"],
    ["vifs", "privileges", "privileges"],
    ["vifs", "vrouter_module", "vrouter_module"],
    ["vifs", "lockdown", null],
    ["vrouter_absent", "vrouter_module", null],
    ["btf", "kernel_btf", "kernel_btf"],
    ["btf", "vrouter_btf", "vrouter_btf"],
    ["btf", "tracefs", null],
    ["vrouter_btf", "vrouter_btf", null],
    ["tracefs", "lockdown", "lockdown"],
    ["tracefs", "CONFIG_FUNCTION_TRACER", "CONFIG_FUNCTION_TRACER"],
    ["tracefs", "CONFIG_KPROBES", null],
    ["addresses", "CONFIG_KALLSYMS", "CONFIG_KALLSYMS"],
    ["addresses", "kernel_addresses", null],
    ["libraries", "libraries", "libraries"],
    ["libbpf", "locked_memory", "locked_memory"],
    ["btf_list", "privileges", "privileges"],
    ["system_call", "CONFIG_KPROBES", "CONFIG_KPROBES"],
    ["perf_event", "lockdown", "lockdown"],
    ["attach", "kernel_release", "kernel_release"],
    ["backend", "CONFIG_BPF_SYSCALL", "CONFIG_BPF_SYSCALL"],
    ["backend", "vrouter_module", null],
  ];
  for (const [kind, check, expected] of cases) {
    for (const words of ["words", "Cannot list the vifs", "Cannot read the BTF", "kallsyms"]) {
      const found = await explain(CHOICES, failure(kind, words), host({ [check]: NO }).checks);
      assert.equal(found?.check ?? null, expected, `${kind}, ${check}`);
    }
  }
});

Deno.test("explain() says nothing where the check has met the very failure", async () => {
  const btf = failure("btf", "Cannot read the BTF of the kernel: it is larger than 2 GiB");
  const advised = new Failure("btf", `${btf.message}; advice`, { cause: btf });
  const { checks } = host({ kernel_btf: failed(btf.message, "name another file") });
  assert.equal(await explain(CHOICES, btf, checks), null);
  assert.equal(await explain(CHOICES, advised, checks), null);
  assert.equal((await explain(CHOICES, failure("btf"), checks))?.check, "kernel_btf");
});

Deno.test("explain() makes no check where the failure is about what the user named", async () => {
  for (
    const kind of ["glob", "usage", "output", "interfaces", "functions", "memory", "ring"] as const
  ) {
    const { made, checks } = host({ lockdown: LOCKED });
    assert.equal(await explain(CHOICES, failure(kind), checks), null, kind);
    assert.deepEqual(made, [], kind);
  }
});

Deno.test("explain() makes no check behind the last that can be the reason", async () => {
  const { made, checks } = host({
    privileges: ok("root"),
    vrouter_module: ok("loaded"),
    vrouter_netlink: ok("answers"),
  });
  assert.equal(await explain(CHOICES, failure("vifs"), checks), null);
  assert.deepEqual(made, ["privileges", "vrouter_module"]);
});

Deno.test("the suspects of each kind are checks, in the order in which they are made", async () => {
  const made = (await Array.fromAsync(checkHost(CHOICES, null))).map(({ check }) => check);
  for (const [kind, suspects] of Object.entries(SUSPECTS)) {
    assert.deepEqual(made.filter((check) => suspects.some((one) => one === check)), suspects, kind);
  }
});

Deno.test("explain() never fails", async () => {
  // deno-lint-ignore require-yield -- it fails before
  const checks = async function* (): AsyncGenerator<CheckResult, void, void> {
    await Promise.resolve();
    throw new TypeError("a defect");
  };
  assert.equal(await explain(CHOICES, failure("backend"), checks), null);
});

Deno.test("explain() attaches nothing", async () => {
  let given: unknown = "nothing";
  // deno-lint-ignore require-yield -- it has been seen what it was given
  const checks = async function* (
    _choices: CheckChoices,
    tools: unknown,
  ): AsyncGenerator<CheckResult, void, void> {
    await Promise.resolve();
    given = tools;
  };
  await explain(CHOICES, failure("backend"), checks);
  assert.equal(given, null);
});

Deno.test("explanation() is one line with what to do", () => {
  const result = { check: "lockdown", title: "Kernel lockdown", ...LOCKED };
  assert.equal(
    explanation(result),
    "✖ Kernel lockdown: confidentiality: the kernel forbids kprobes; boot with lockdown=none",
  );
});
