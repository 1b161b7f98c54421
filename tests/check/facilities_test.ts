import assert from "node:assert/strict";
import {
  checkAddresses,
  checkBlacklist,
  checkFtraceSwitch,
  checkKprobeSwitch,
  checkTracefs,
  type TracefsFacts,
} from "../../src/check/facilities.ts";
import type { Target } from "../../src/probe/target.ts";

const encoder = new TextEncoder();

const MOUNTED: TracefsFacts = {
  mount: "/sys/kernel/tracing",
  offered: true,
  filterFunctions: encoder.encode("ip_rcv\nvm_rx [vrouter]\n"),
  forbidden: null,
};

Deno.test("checkTracefs() counts the functions that can be traced", () => {
  assert.deepEqual(checkTracefs(MOUNTED), {
    status: "ok",
    found: "/sys/kernel/tracing: 2 functions can be traced",
    advice: null,
  });
  const open = { ...MOUNTED, filterFunctions: encoder.encode("ip_rcv\nvm_rx [vrouter]") };
  assert.match(checkTracefs(open).found, /: 2 functions/);
});

Deno.test("checkTracefs() says how to mount it, or that the kernel has none", () => {
  const unmounted = { ...MOUNTED, mount: null, filterFunctions: null };
  assert.match(checkTracefs(unmounted).advice!, /mount -t tracefs nodev \/sys\/kernel\/tracing/);
  const absent = checkTracefs({ ...unmounted, offered: false });
  assert.equal(absent.status, "failed");
  assert.match(absent.advice!, /CONFIG_FUNCTION_TRACER/);
});

Deno.test("checkTracefs() blames nothing but what forbids to read it", () => {
  const unreadable = { ...MOUNTED, filterFunctions: null };
  assert.deepEqual(checkTracefs({ ...unreadable, forbidden: "reading it needs root" }), {
    status: "note",
    found: "/sys/kernel/tracing: reading it needs root",
    advice: null,
  });
  assert.equal(checkTracefs(unreadable).status, "failed");
  assert.equal(checkTracefs({ ...MOUNTED, filterFunctions: new Uint8Array() }).status, "failed");
});

const HIDDEN = "0000000000000000 A fixed_percpu_data\n0000000000000000 t vm_rx\t[vrouter]\n";

Deno.test("checkAddresses() goes by the addresses, not by the switch", () => {
  const shown = encoder.encode(`${HIDDEN}ffffffffc0000010 t vm_exit\t[vrouter]\n`);
  assert.equal(checkAddresses(shown, "2\n", true).status, "ok");
  assert.match(checkAddresses(shown, "1\n", true).found, /kptr_restrict is 1/);
  const hidden = encoder.encode(HIDDEN);
  assert.equal(checkAddresses(hidden, "0\n", true).status, "failed");
  assert.match(checkAddresses(hidden, "2\n", true).advice!, /sysctl -w kernel\.kptr_restrict=1/);
  assert.equal(checkAddresses(hidden, "1\n", false).status, "note");
  assert.equal(checkAddresses(encoder.encode("0000"), null, true).status, "failed");
});

Deno.test("checkAddresses() fails without kallsyms", () => {
  assert.equal(checkAddresses(null, null, true).status, "failed");
});

Deno.test("checkKprobeSwitch() fails only where the probes of the trace are kprobes", () => {
  for (
    const [backend, status] of [["kprobe", "failed"], [null, "failed"], [
      "session",
      "note",
    ]] as const
  ) {
    const outcome = checkKprobeSwitch("0\n", "1\n", backend);
    assert.equal(outcome.status, status, `${backend}`);
    assert.match(outcome.found, /off/);
  }
  assert.equal(checkKprobeSwitch("1\n", "1\n", "kprobe").found, "on");
  assert.match(checkKprobeSwitch("1\n", "0\n", "kprobe").found, /kprobes-optimization is 0/);
  assert.equal(checkKprobeSwitch(null, null, "kprobe").status, "note");
});

Deno.test("checkFtraceSwitch() fails only where the probes of the trace are ftrace's", () => {
  for (
    const [backend, status] of [
      ["session", "failed"],
      ["multi", "failed"],
      [null, "failed"],
      ["kprobe", "note"],
    ] as const
  ) {
    assert.equal(checkFtraceSwitch("0\n", backend).status, status, `${backend}`);
  }
  assert.equal(checkFtraceSwitch("1\n", "session").status, "ok");
  assert.equal(checkFtraceSwitch(null, "session").status, "note");
});

function target(name: string, address: bigint): Target {
  return {
    name,
    module: "vmlinux",
    struct: "sk_buff",
    position: 1,
    argument: 1,
    indirection: 1,
    address,
  };
}

const BLACKLIST = "0xffffffff82600990-0xffffffff826009b0\tasm_exc_divide_error\n" +
  "0xffffffff82601000-0xffffffff82601010\tdo_int3\n";

Deno.test("checkBlacklist() counts the functions that start in one of its ranges", () => {
  const outside = [target("a", 0xffffffff8260098fn), target("b", 0xffffffff826009b0n)];
  assert.equal(checkBlacklist(BLACKLIST, outside).status, "ok");
  const inside = [...outside, target("c", 0xffffffff82600990n), target("d", 0xffffffff8260100fn)];
  assert.deepEqual(checkBlacklist(BLACKLIST, inside), {
    status: "note",
    found: "2 functions to trace are blacklisted: c, d",
    advice: null,
  });
});

Deno.test("checkBlacklist() passes over lines of another form, and says when there is no list", () => {
  assert.match(
    checkBlacklist("(null)-(null) a\n0x-0x b\n", [target("a", 0n)]).found,
    /of 0 places/,
  );
  assert.equal(checkBlacklist(null, []).status, "note");
  assert.equal(checkBlacklist(BLACKLIST, []).status, "note");
});
