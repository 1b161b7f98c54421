import assert from "node:assert/strict";
import { leftovers, run } from "./support.ts";

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

Deno.test("Without root, vrft interfaces says what is missing", async () => {
  assertFailure(await run("vrft", ["interfaces"], NOBODY), /root|CAP_NET_ADMIN/);
});

Deno.test("A BTF file that is not vrouter's is refused", async () => {
  assertFailure(await run("vrft", ["--vrouter-btf", "/sys/kernel/btf/vmlinux"]), /vr_packet/);
  assert.deepEqual(await leftovers(), []);
});

Deno.test("--vrouter-btf takes a standalone file, and --kernel-btf an external one", async () => {
  const copy = await Deno.makeTempFile();
  await Deno.copyFile("/sys/kernel/btf/vmlinux", copy);
  const files = ["--vrouter-btf", "/vm/vrouter.btf", "--kernel-btf", copy];
  const { code, stderr } = await run("vrft", ["-f", "vm_rx", ...files, "--duration", "100ms"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /tf-vrouter Debug info: \/vm\/vrouter\.btf/);
  assert.match(stderr, new RegExp(`Linux Debug info: ${copy}`));
});

Deno.test("An interface that does not exist is an error that helps", async () => {
  assertFailure(await run("vrft", ["-i", "tap3"]), /"tap3".*(tap1|tap2)/);
  assertFailure(await run("vrft", ["-i", "vif0/77"]), /"vif0\/77"/);
});
