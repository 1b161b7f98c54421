import assert from "node:assert/strict";
import { checkInterfaces, checkModule, checkNetlink } from "../../src/check/vrouter.ts";
import { vif } from "../support/vifs.ts";

Deno.test("checkModule() names --no-vrouter where there is no module", () => {
  assert.equal(checkModule(true, null).found, "loaded");
  assert.equal(checkModule(true, "1.0\n").found, "loaded, version 1.0");
  const absent = checkModule(false, null);
  assert.equal(absent.status, "failed");
  assert.match(absent.found, /not loaded/);
  assert.match(absent.advice!, /--no-vrouter/);
});

Deno.test("checkModule() says that a DPDK vRouter is out of reach, and what to use instead", () => {
  const dpdk = { pid: 812, program: "contrail-vrouter-dpdk" };
  const { status, found, advice } = checkModule(false, null, dpdk);
  assert.equal(status, "failed");
  assert.match(found, /DPDK \(contrail-vrouter-dpdk, process 812\)/);
  assert.match(advice!, /vifdump.*dropstats.*--no-vrouter/);
});

Deno.test("checkNetlink() passes the reason on", () => {
  assert.equal(checkNetlink(null).status, "ok");
  const silent = checkNetlink("the kernel refused the request: No such file or directory");
  assert.equal(silent.status, "failed");
  assert.match(silent.found, /No such file/);
});

Deno.test("checkInterfaces() names the first few, and fails when there is none", () => {
  assert.equal(checkInterfaces([vif(0, "fab0"), vif(7, "")], true).found, "2: fab0, vif0/7");
  const many = Array.from({ length: 1200 }, (_, index) => vif(index, `tap${index}`));
  assert.equal(checkInterfaces(many, true).found, "1,200: tap0, tap1, tap2, tap3, tap4, …");
  const none = checkInterfaces([], true);
  assert.equal(none.status, "failed");
  assert.match(none.advice!, /-i/);
  const elsewhere = checkInterfaces([vif(0, "fab0")], false);
  assert.equal(elsewhere.status, "failed");
  assert.match(elsewhere.advice!, /--netns/);
});
