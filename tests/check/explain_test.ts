import assert from "node:assert/strict";
import type { CheckChoices } from "../../src/check/checks.ts";
import { explain, explanation } from "../../src/check/explain.ts";
import { type CheckResult, failed, ok, type Outcome } from "../../src/check/outcome.ts";

const CHOICES: CheckChoices = { kernelBtf: null, vrouterBtf: null, vrouter: true, backend: "auto" };

const BACKENDS =
  "Cannot trace with any backend on this kernel: session: Cannot load the BPF object: " +
  "Operation not permitted; multi: …";

/** Checks with these outcomes, and the names of those that were made. */
function host(
  outcomes: Record<string, Outcome>,
): { made: string[]; checks: () => AsyncGenerator<CheckResult, void, void> } {
  const made: string[] = [];
  return {
    made,
    checks: async function* (): AsyncGenerator<CheckResult, void, void> {
      for (const [check, outcome] of Object.entries(outcomes)) {
        made.push(check);
        yield { check, title: check, ...outcome };
      }
    },
  };
}

const LOCKED = failed("confidentiality: the kernel forbids kprobes", "boot with lockdown=none");

Deno.test("explain() shows the first failed check that can be the reason", async () => {
  const { checks } = host({
    kernel_release: ok("6.12"),
    vrouter_interfaces: failed("there are none at all", "add some of them"),
    lockdown: LOCKED,
    tracefs: failed("not mounted", "mount it"),
  });
  assert.equal((await explain(CHOICES, BACKENDS, checks))?.check, "lockdown");
});

Deno.test("explain() says nothing of what the message says already", async () => {
  const privileges = failed("user 65534, without CAP_BPF, CAP_PERFMON", "run vrft as root");
  const module = failed("the vrouter kernel module is not loaded", "load it, or --no-vrouter");
  const btf = failed(
    "this kernel offers none",
    "make a file of it (pahole -J) and name that with --vrouter-btf",
  );
  for (
    const [message, check, outcome] of [
      ["Cannot trace with any backend: …: run vrft as root", "privileges", privileges],
      ["Cannot list the vifs: the vrouter kernel module is not loaded", "vrouter_module", module],
      [
        "Cannot find the BTF of the vrouter module: this kernel offers none, so make a file of it " +
        "(pahole -J) and name that with --vrouter-btf",
        "vrouter_btf",
        btf,
      ],
    ] as const
  ) {
    assert.equal(await explain(CHOICES, message, host({ [check]: outcome }).checks), null, message);
  }
});

Deno.test("explain() makes no check where the failure is about what the user named", async () => {
  for (
    const message of [
      'Cannot open "/nowhere/x" for writing: No such file or directory',
      'Cannot create the ready file "/x": it exists',
      'Cannot trace interface "tap3": no vif or network device has this name',
      'Cannot trace: no traceable function with a packet matches -f "x"; see vrft functions',
      "Cannot write to standard output: No space left on device",
    ]
  ) {
    const { made, checks } = host({ lockdown: LOCKED });
    assert.equal(await explain(CHOICES, message, checks), null, message);
    assert.deepEqual(made, [], message);
  }
});

Deno.test("explain() makes no check behind the last that can be the reason", async () => {
  const { made, checks } = host({
    privileges: ok("root"),
    vrouter_module: ok("loaded"),
    vrouter_netlink: ok("answers"),
  });
  assert.equal(await explain(CHOICES, "Cannot list the vifs: it refuses", checks), null);
  assert.deepEqual(made, ["privileges", "vrouter_module"]);
});

Deno.test("explain() never fails", async () => {
  // deno-lint-ignore require-yield -- it fails before
  const checks = async function* (): AsyncGenerator<CheckResult, void, void> {
    await Promise.resolve();
    throw new TypeError("a defect");
  };
  assert.equal(await explain(CHOICES, BACKENDS, checks), null);
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
  await explain(CHOICES, BACKENDS, checks);
  assert.equal(given, null);
});

Deno.test("explanation() is one line with what to do", () => {
  const result = { check: "lockdown", title: "Kernel lockdown", ...LOCKED };
  assert.equal(
    explanation(result),
    "✖ Kernel lockdown: confidentiality: the kernel forbids kprobes; boot with lockdown=none",
  );
});
