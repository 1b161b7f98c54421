import assert from "node:assert/strict";
import { checkPrivileges, checkSeccomp } from "../../src/check/privileges.ts";
import { traceCapabilities } from "../../src/sys/capabilities.ts";

const ALL_USERS = "         0          0 4294967295\n";
const WANTED = traceCapabilities(true);

function status(
  { user = 0, effective = "000001ffffffffff", seccomp = "0", noNewPrivileges = 0 } = {},
): string {
  return `Name:\tvrft\nUid:\t1000\t${user}\t${user}\t${user}\nCapEff:\t${effective}\n` +
    `NoNewPrivs:\t${noNewPrivileges}\nSeccomp:\t${seccomp}\nSeccomp_filters:\t0\n`;
}

Deno.test("checkPrivileges() is content with root's", () => {
  assert.deepEqual(checkPrivileges(status(), ALL_USERS, WANTED), {
    status: "ok",
    found: "user 0, with CAP_BPF, CAP_PERFMON, CAP_SYSLOG, CAP_NET_ADMIN",
    advice: null,
  });
});

Deno.test("checkPrivileges() names what is missing, and the effective user", () => {
  // CAP_BPF and CAP_PERFMON.
  const own = status({ user: 1001, effective: "000000c000000000" });
  assert.deepEqual(checkPrivileges(own, ALL_USERS, WANTED), {
    status: "failed",
    found: "user 1001, without CAP_SYSLOG, CAP_NET_ADMIN",
    advice: "run vrft as root",
  });
});

Deno.test("checkPrivileges() does not ask for CAP_NET_ADMIN without vrouter", () => {
  // CAP_SYS_ADMIN alone.
  const own = status({ effective: "0000000000200000" });
  assert.equal(checkPrivileges(own, ALL_USERS, traceCapabilities(false)).status, "ok");
  assert.equal(checkPrivileges(own, ALL_USERS, traceCapabilities(true)).status, "failed");
});

Deno.test("checkPrivileges() is not deceived by root of a user namespace", () => {
  for (const map of ["         0     100000      65536\n", "0 1000 1\n", ""]) {
    const { status: outcome, found } = checkPrivileges(status(), map, WANTED);
    assert.equal(outcome, "failed", map);
    assert.match(found, /user namespace/);
  }
  assert.equal(checkPrivileges(status(), null, WANTED).status, "ok");
});

Deno.test("checkPrivileges() misses all where the kernel says nothing", () => {
  const { status: outcome, found } = checkPrivileges("", ALL_USERS, WANTED);
  assert.equal(outcome, "failed");
  assert.match(found, /^user unknown, without CAP_BPF/);
});

Deno.test("checkSeccomp() says what may forbid system calls, and never fails for it", () => {
  assert.deepEqual(checkSeccomp(status()), { status: "ok", found: "no filter", advice: null });
  assert.equal(checkSeccomp(status({ seccomp: "2" })).status, "note");
  assert.match(checkSeccomp(status({ seccomp: "2" })).found, /bpf\(\)/);
  assert.match(checkSeccomp(status({ noNewPrivileges: 1 })).found, /no_new_privs/);
  assert.equal(checkSeccomp("").status, "note");
});
