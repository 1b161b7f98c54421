import assert from "node:assert/strict";
import {
  checkConfig,
  checkOption,
  KERNEL_OPTIONS,
  type KernelOption,
  type OptionFacts,
} from "../../src/check/kernel_options.ts";
import type { Outcome } from "../../src/check/outcome.ts";
import type { KernelConfig } from "../../src/kernel/kernel_config.ts";

const AUTO = { backend: "auto", kernelBtf: null } as const;

function option(name: string): KernelOption {
  return KERNEL_OPTIONS.find((one) => one.name === name)!;
}

function config(options: Record<string, string> = {}): KernelConfig {
  return { path: "/boot/config", options: new Map(Object.entries(options)) };
}

function check(
  name: string,
  facts: OptionFacts,
  needs: Parameters<typeof checkOption>[2] = AUTO,
): Outcome {
  return checkOption(option(name), facts, needs);
}

Deno.test("checkOption() shows the value of an option that is set", () => {
  for (const value of ["y", "m"]) {
    const facts = { config: config({ CONFIG_KPROBES: value }), evident: null };
    assert.deepEqual(check("CONFIG_KPROBES", facts), { status: "ok", found: value, advice: null });
  }
});

Deno.test("checkOption() fails for what tracing needs, and says which kernel to use", () => {
  for (const name of ["CONFIG_KPROBES", "CONFIG_BPF_SYSCALL", "CONFIG_FUNCTION_TRACER"]) {
    for (const evident of [false, null]) {
      const { status, found, advice } = check(name, { config: config(), evident });
      assert.equal(status, "failed", name);
      assert.equal(found, "not set");
      assert.match(advice!, new RegExp(`${name}=y`));
    }
  }
});

Deno.test("checkOption() only says what is worse without the options that are of use", () => {
  for (const name of ["CONFIG_FPROBE", "CONFIG_BPF_JIT", "CONFIG_DEBUG_INFO_BTF_MODULES"]) {
    const { status, found } = check(name, { config: config(), evident: false });
    assert.equal(status, "note", name);
    assert.match(found, /^not set: \w/);
  }
});

Deno.test("checkOption() never fails for want of a configuration alone", () => {
  for (const { name } of KERNEL_OPTIONS) {
    const unknown = check(name, { config: null, evident: null });
    assert.deepEqual(unknown, { status: "note", found: "unknown", advice: null });
    assert.equal(check(name, { config: null, evident: true }).status, "ok", name);
  }
});

Deno.test("checkOption() takes what the kernel shows for the truth", () => {
  const missing = check("CONFIG_KPROBES", { config: null, evident: false });
  assert.equal(missing.status, "failed");
  assert.match(missing.found, /register_kprobe\(\)/);
  const other = check("CONFIG_KPROBES", { config: config(), evident: true });
  assert.equal(other.status, "ok");
  assert.match(other.found, /not set in the configuration, but .*register_kprobe/);
});

Deno.test("checkOption() fails for what the backend that is asked for needs", () => {
  const facts = { config: config(), evident: false };
  for (
    const [name, backend, status] of [
      ["CONFIG_FPROBE", "session", "failed"],
      ["CONFIG_FPROBE", "multi", "failed"],
      ["CONFIG_FPROBE", "kprobe", "note"],
      ["CONFIG_BPF_JIT", "session", "failed"],
      ["CONFIG_BPF_JIT", "kprobe", "note"],
    ] as const
  ) {
    const outcome = check(name, facts, { backend, kernelBtf: null });
    assert.equal(outcome.status, status, `${name} ${backend}`);
    if (status === "failed") assert.match(outcome.advice!, /--backend auto/);
  }
});

Deno.test("checkOption() does without the kernel's BTF where a file is named", () => {
  const facts = { config: config(), evident: false };
  const without = check("CONFIG_DEBUG_INFO_BTF", facts);
  assert.equal(without.status, "failed");
  assert.match(without.advice!, /--kernel-btf/);
  const named = check("CONFIG_DEBUG_INFO_BTF", facts, { backend: "auto", kernelBtf: "vmlinux" });
  assert.equal(named.status, "note");
});

Deno.test("checkConfig() names the file, and never fails for want of one", () => {
  assert.deepEqual(checkConfig(config()), { status: "ok", found: "/boot/config", advice: null });
  assert.equal(checkConfig(null).status, "note");
});
