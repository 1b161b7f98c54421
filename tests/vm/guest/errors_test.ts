import assert from "node:assert/strict";
import { leftovers, must, run } from "./support.ts";

const NOBODY = { uid: 65534, gid: 65534 };

/** What every failure has in common: status 1, one line that says it, no stack trace, no output. */
function assertFailure(
  ended: { code: number; stdout: string; stderr: string },
  expected: RegExp,
): void {
  assert.equal(ended.code, 1, ended.stderr);
  assert.equal(ended.stdout, "");
  const line = ended.stderr.trimEnd().split("\n").at(-1)!;
  assert.match(line, /^vrft: /);
  assert.match(line, expected);
  assert.doesNotMatch(ended.stderr, /\bat .*:\d+:\d+|bug in vrft/);
}

Deno.test("Without root, a trace says what is missing", async () => {
  assertFailure(await run("vrft", [], NOBODY), /CAP_BPF.*root/);
});

Deno.test("Without root, vrft interfaces says what is missing", async () => {
  assertFailure(await run("vrft", ["interfaces"], NOBODY), /root|CAP_NET_ADMIN/);
});

Deno.test("Without root, help, version and the list of functions work", async () => {
  for (const args of [["--help"], ["--version"]]) {
    assert.equal((await run("vrft", args, NOBODY)).code, 0);
  }
  const { code, stdout, stderr } = await run("vrft", ["functions", "--json"], NOBODY);
  assert.equal(code, 0, stderr);
  const functions = JSON.parse(stdout) as { address: string | null }[];
  assert.ok(functions.length > 1400);
  assert.ok(functions.every(({ address }) => address === null));
});

Deno.test("A BTF file that is missing, no BTF, cut short or another's is refused by name", async () => {
  const directory = await Deno.makeTempDir();
  const whole = await Deno.readFile("/sys/kernel/btf/vmlinux");
  await Deno.writeFile(`${directory}/cut`, whole.subarray(0, 1_000_000));
  await Deno.writeFile(`${directory}/noise`, new TextEncoder().encode("no BTF at all".repeat(50)));
  const cases = [
    ["--kernel-btf", "missing"],
    ["--kernel-btf", "cut"],
    ["--vrouter-btf", "noise"],
    // A folder.
    ["--vrouter-btf", ""],
  ] as const;
  for (const [option, name] of cases) {
    const path = `${directory}/${name}`;
    assertFailure(await run("vrft", [option, path]), new RegExp(`"${path}"`));
  }
  // The kernel's own is BTF, but not vrouter's.
  const foreign = await run("vrft", ["--vrouter-btf", "/sys/kernel/btf/vmlinux"]);
  assertFailure(foreign, /vr_packet/);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("--vrouter-btf takes a standalone file", async () => {
  const args = ["-f", "vm_rx", "--vrouter-btf", "/vm/vrouter.btf", "--duration", "100ms"];
  const { code, stderr } = await run("vrft", args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /tf-vrouter Debug info: \/vm\/vrouter\.btf/);
});

Deno.test("--kernel-btf takes an external file", async () => {
  const copy = await Deno.makeTempFile();
  await Deno.copyFile("/sys/kernel/btf/vmlinux", copy);
  const args = ["-f", "vm_rx", "--kernel-btf", copy, "--duration", "100ms"];
  const { code, stderr } = await run("vrft", args);
  assert.equal(code, 0, stderr);
});

Deno.test("A ready file that would destroy something is refused", async () => {
  const precious = await Deno.makeTempFile();
  await Deno.writeTextFile(precious, "precious");
  assertFailure(await run("vrft", ["--ready-file", precious]), new RegExp(`"${precious}"`));
  assert.equal(await Deno.readTextFile(precious), "precious");
});

Deno.test("An interface that does not exist is an error that helps", async () => {
  assertFailure(await run("vrft", ["-i", "tap3"]), /"tap3".*(tap1|tap2)/);
  assertFailure(await run("vrft", ["-i", "vif0/77"]), /"vif0\/77"/);
});

Deno.test("Without the module, a trace and vrft interfaces name --no-vrouter", async () => {
  await must("rmmod", "vrouter");
  try {
    assertFailure(await run("vrft", []), /--no-vrouter/);
    assertFailure(await run("vrft", ["interfaces"]), /vrouter/);
    const plain = await run("vrft", ["--no-vrouter", "-f", "ip_rcv", "--duration", "100ms"]);
    assert.equal(plain.code, 0, plain.stderr);
  } finally {
    await must("insmod", "/vm/vrouter.ko");
    for (const [index, device] of ["fab0", "tap1", "tap2"].entries()) {
      await must("vif-add", device, `${index}`, device === "fab0" ? "2" : "3");
    }
  }
});
