import assert from "node:assert/strict";
import { Btf, KIND_STRUCT } from "../../../src/kernel/btf.ts";
import { check } from "./check.ts";
import { testUnless } from "../../support/skip.ts";
import { FPROBE, leftovers, must, run, vrftArguments } from "./support.ts";

Deno.test("vrft check names the missing module, and nothing else", async () => {
  await must("rmmod", "vrouter");
  try {
    const { missing, stdout } = await check(["--backend", FPROBE ? "session" : "kprobe"]);
    assert.deepEqual(missing, ["vrouter module"]);
    assert.match(stdout, /not loaded\n.*--no-vrouter/);
    assert.match(stdout, /will not work: 1 thing is missing/);
  } finally {
    await must("insmod", "/vm/vrouter.ko");
    for (const [index, device] of ["fab0", "tap1", "tap2"].entries()) {
      await must("vif-add", device, `${index}`, device === "fab0" ? "2" : "3");
    }
  }
});

const FTRACE_SWITCH = "/proc/sys/kernel/ftrace_enabled";

/** Why ftrace cannot be switched off; empty if it can. Linux 7.3 refuses. */
function whyFtraceStaysOn(): string {
  try {
    Deno.writeTextFileSync(FTRACE_SWITCH, "0", { create: false });
    Deno.writeTextFileSync(FTRACE_SWITCH, "1", { create: false });
    return "";
  } catch (error) {
    return `this kernel does not switch ftrace off: ${error instanceof Error ? error.name : error}`;
  }
}

testUnless(
  whyFtraceStaysOn(),
  "vrft check finds ftrace switched off, where it matters",
  async () => {
    await withSetting(FTRACE_SWITCH, "0", async () => {
      const { missing, signs, stdout } = await check(["--backend", FPROBE ? "session" : "kprobe"]);
      if (!FPROBE) {
        assert.deepEqual(missing, []);
        assert.equal(signs.get("ftrace enabled"), "–");
        return;
      }
      assert.ok(missing.includes("Backend session"), stdout);
      assert.match(stdout, /ftrace is switched off \(sysctl -w\s+kernel\.ftrace_enabled=1\)/);
    });
  },
);

Deno.test("vrft check finds kprobes switched off, where they matter", async () => {
  await withSetting("/sys/kernel/debug/kprobes/enabled", "0", async () => {
    const { missing, stdout } = await check(["--backend", "kprobe"]);
    assert.deepEqual(missing, ["kprobes enabled"], stdout);
    assert.match(stdout, /echo 1 >\/sys\/kernel\/debug\/kprobes\/enabled/);
  });
});

Deno.test("vrft check tells the BTF of the loaded module from that of another", async () => {
  const backend = FPROBE ? "session" : "kprobe";
  const fit = await check(["--vrouter-btf", "/vm/vrouter.btf", "--backend", backend]);
  // Had a test before attached probes while ftrace was off, the kernel would have disabled ftrace since.
  assert.deepEqual(fit.missing, [], fit.stdout);
  assert.equal(fit.signs.get(`Backend ${backend}`), "✔", fit.stdout);
  assert.match(fit.stdout, /vrouter BTF +\/vm\/vrouter\.btf: 9\d % of its \d+ functions/);
  // All names are those of the loaded module; a struct of the kernel is that of another build.
  const bytes = await Deno.readFile("/vm/vrouter.btf");
  const btf = Btf.parse(bytes);
  const { index, firstId } = btf;
  const name = new TextEncoder().encode("sk_buff");
  const number = index.structs.find((one) =>
    btf.kind(firstId + one) === KIND_STRUCT && btf.isNamed(firstId + one, name)
  )!;
  index.words[index.starts[number]! + 2]! += 8;
  await Deno.writeFile("/tmp/other.btf", bytes);
  const other = await check(["--vrouter-btf", "/tmp/other.btf", "--backend", "kprobe"]);
  assert.deepEqual(other.missing, ["vrouter BTF"], other.stdout);
  assert.match(other.stdout, /built for another kernel: 1 of\s+\d+ structs/);
});

Deno.test("Ctrl-C while vrft check tries a backend leaves nothing attached", async () => {
  const child = new Deno.Command("vrft", {
    args: vrftArguments(["check", "--backend", "kprobe"]),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const output = child.output().finally(() => ended = true);
  let seen = false;
  while (!ended && !seen) {
    const events = await Deno.readTextFile("/sys/kernel/tracing/kprobe_events");
    seen = events.includes("vrft_");
    if (!seen) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(seen, "no backend was tried");
  child.kill("SIGINT");
  const { code, stdout, stderr } = await output;
  const text = new TextDecoder();
  assert.equal(code, 1);
  assert.doesNotMatch(text.decode(stdout), /Tracing will/);
  assert.match(text.decode(stderr), /Interrupted; everything is detached\n$/);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("A trace that cannot begin shows the check that explains it, and no other", async () => {
  if (FPROBE) {
    await withSetting("/proc/sys/kernel/kptr_restrict", "2", async () => {
      const { code, stderr } = await run("vrft", ["-f", "vm_rx"]);
      assert.equal(code, 1);
      // The message has the advice already.
      assert.match(stderr, /\nvrft: Cannot trace: .*kptr_restrict.*\n$/);
      assert.doesNotMatch(stderr, /✖/);
    });
  } else {
    const { code, stderr } = await run("vrft", ["-f", "vm_rx", "--backend", "multi"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\nvrft: Cannot trace with the backend "multi".*\nvrft: ✖ CONFIG_FPROBE: .*--backend auto\n$/,
    );
  }
});

/** Changes a switch of the kernel for as long as `action` takes. */
async function withSetting(
  path: string,
  value: string,
  action: () => Promise<void>,
): Promise<void> {
  const before = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, value, { create: false });
  try {
    await action();
  } finally {
    await Deno.writeTextFile(path, before, { create: false });
  }
}
