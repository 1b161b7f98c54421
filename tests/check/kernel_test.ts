import assert from "node:assert/strict";
import { checkLockdown, checkLockedMemory, checkRelease } from "../../src/check/kernel.ts";

Deno.test("checkRelease() takes 5.10 and newer, also in forms that distributions give versions", () => {
  for (
    const release of [
      "5.10.0-46-cloud-amd64",
      "5.14.0-503.el9.x86_64",
      "6.1.0-56-amd64",
      "6.12.117+deb12",
      "7.0",
    ]
  ) {
    const { status, found } = checkRelease(release, "x86_64");
    assert.equal(status, "ok", release);
    assert.ok(found.includes(release));
  }
});

Deno.test("checkRelease() refuses what is before 5.8, with the reason", () => {
  for (const release of ["4.18.0-553.el8.x86_64", "5.4.0-200-generic", "5.7.19"]) {
    const { status, found, advice } = checkRelease(release, "x86_64");
    assert.equal(status, "failed", release);
    assert.match(found, /ring buffer/);
    assert.match(advice!, /5\.8/);
  }
});

Deno.test("checkRelease() says that 5.8 and 5.9 are not tested", () => {
  for (const release of ["5.8.0", "5.9.16-generic"]) {
    const { status, found } = checkRelease(release, "x86_64");
    assert.equal(status, "note", release);
    assert.match(found, /tested with 5\.10/);
  }
});

Deno.test("checkRelease() refuses other machines, and passes over a release that is no version", () => {
  assert.equal(checkRelease("6.12.0", "aarch64").status, "failed");
  assert.equal(checkRelease("next-20261122", "x86_64").status, "note");
});

Deno.test("checkLockdown() refuses confidentiality alone", () => {
  const of = (modes: string | null): string => checkLockdown(modes).status;
  assert.equal(of("[none] integrity confidentiality\n"), "ok");
  assert.equal(of("none [integrity] confidentiality\n"), "ok");
  assert.equal(of("none integrity [confidentiality]\n"), "failed");
  assert.equal(of(null), "note");
});

/** /proc/self/limits, in part. */
function limits(soft: string, hard: string): string {
  return "Limit                     Soft Limit           Hard Limit           Units\n" +
    "Max processes             7777                 7777                 processes\n" +
    `Max locked memory         ${soft.padEnd(20)} ${hard.padEnd(20)} bytes\n` +
    "Max address space         unlimited            unlimited            bytes\n";
}

Deno.test("checkLockedMemory() needs the limit raised on kernels before 5.11 only", () => {
  const of = (release: string, soft: string, hard: string, raisable: boolean): string =>
    checkLockedMemory(release, limits(soft, hard), raisable, true).status;
  assert.equal(of("5.10.0-46", "65536", "65536", false), "failed");
  assert.equal(of("5.10.0-46", "65536", "65536", true), "ok");
  assert.equal(of("5.10.0-46", "65536", "unlimited", false), "ok");
  assert.equal(of("5.10.0-46", "unlimited", "unlimited", false), "ok");
  assert.equal(of("5.11.0", "65536", "65536", false), "note");
  assert.equal(of("6.12.0", "65536", "65536", false), "note");
});

Deno.test("checkLockedMemory() says how many bytes there are, and nothing where that is not told", () => {
  const raised = checkLockedMemory("5.10.0", limits("65536", "65536"), true, true);
  assert.match(raised.found, /65536 bytes/);
  assert.equal(checkLockedMemory("5.10.0", "", false, true).status, "note");
});

Deno.test("checkLockedMemory() does not blame the limit where rights are missing", () => {
  const { status } = checkLockedMemory("5.10.0", limits("65536", "65536"), false, false);
  assert.equal(status, "note");
});
