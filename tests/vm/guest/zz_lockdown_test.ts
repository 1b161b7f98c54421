// The last file of all: no kernel goes back from lockdown.
import assert from "node:assert/strict";
import { FPROBE, leftovers, must, run } from "./support.ts";

const LOCKDOWN = "/sys/kernel/security/lockdown";
const SHORT = ["-f", "vm_rx", "-f", "nh_*", "--duration", "200ms"];
const BACKENDS = FPROBE ? ["session", "multi", "kprobe"] : ["kprobe"];

/** Mounts securityfs, where a kernel tells its lockdown and is locked down. */
async function mountSecurity(): Promise<void> {
  const mounts = await Deno.readTextFile("/proc/mounts");
  if (!mounts.includes(" /sys/kernel/security ")) {
    await must("mount", "-t", "securityfs", "securityfs", "/sys/kernel/security");
  }
}

async function lock(mode: string): Promise<void> {
  await mountSecurity();
  await Deno.writeTextFile(LOCKDOWN, mode);
  assert.match(await Deno.readTextFile(LOCKDOWN), new RegExp(`\\[${mode}\\]`));
}

Deno.test("Locked down for integrity, the kernel can be traced with every backend", async () => {
  await lock("integrity");
  for (const backend of BACKENDS) {
    const { code, stderr } = await run("vrft", [...SHORT, "--backend", backend]);
    assert.equal(code, 0, stderr);
  }
  const left = await leftovers();
  assert.deepEqual(left, []);
});

Deno.test("Locked down for confidentiality, the kernel cannot be traced, and vrft names the reason", async () => {
  await lock("confidentiality");
  for (const backend of ["auto", "kprobe"]) {
    const { code, stdout, stderr } = await run("vrft", [...SHORT, "--backend", backend]);
    assert.equal(code, 1, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^vrft: Cannot trace/m);
    assert.match(stderr, /lockdown.*confidentiality/i);
    assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|bug in vrft/);
  }
  // Where tracefs is closed, bpf(2) still tells what is loaded.
  for (const kind of ["link", "prog", "map"]) {
    assert.equal((await must("bpftool", "-j", kind, "show")).trim(), "[]");
  }
});
