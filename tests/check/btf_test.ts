import assert from "node:assert/strict";
import {
  checkKernelBtf,
  checkModuleBtf,
  checkNoVrouterBtf,
  checkVrouterBtf,
  type VrouterBtfFacts,
} from "../../src/check/btf.ts";
import { agreement, undescribed } from "../../src/check/btf_match.ts";
import { Btf } from "../../src/kernel/btf.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** Standalone BTF that describes functions of these names. */
function btfOf(...names: string[]): Btf {
  const writer = new BtfWriter();
  for (const name of names) writer.func(name, []);
  return Btf.parse(writer.bytes());
}

const KALLSYMS = new TextEncoder().encode(`\
ffffffff81000010 T ip_rcv
ffffffff81000020 T vr_flow_forward
0000000000000000 t __pfx_vm_rx	[vrouter]
0000000000000000 t vm_rx	[vrouter]
0000000000000000 t vr_input.isra.0	[vrouter]
0000000000000000 t vr_input.cold	[vrouter]
0000000000000000 d vr_table	[vrouter]
0000000000000000 T nh_output	[vrouter]
0000000000000000 t vm_tx	[vrouter_other]
0000000000000000 t bpf_prog_6deef7357e7b4530	[bpf]
`);

Deno.test("agreement() counts the functions that run in the very module, under other names too", () => {
  const btf = btfOf("vm_rx", "vr_input", "nh_output", "vm_tx", "vr_flow_forward", "vr_table");
  assert.deepEqual(agreement(btf, KALLSYMS, "vrouter"), { described: 6, running: 3 });
  assert.deepEqual(agreement(btf, KALLSYMS, "vmlinux"), { described: 6, running: 1 });
});

Deno.test("agreement() counts each name once, and leaves out those of the base", () => {
  const kernel = new BtfWriter();
  kernel.func("ip_rcv", []);
  const module = new BtfWriter(kernel);
  module.func("vm_rx", []);
  module.func("vm_rx", [["pkt", 0]]);
  const btf = Btf.parse(module.bytes(), Btf.parse(kernel.bytes()));
  assert.deepEqual(agreement(btf, KALLSYMS, "vrouter"), { described: 1, running: 1 });
});

Deno.test("undescribed() counts functions of the module alone, and what the compiler made of one once", () => {
  assert.equal(undescribed(btfOf("vm_rx"), KALLSYMS, "vrouter"), 2);
  assert.equal(undescribed(btfOf("vm_rx", "vr_input", "nh_output"), KALLSYMS, "vrouter"), 0);
  assert.equal(undescribed(btfOf("vm_rx"), KALLSYMS, "other"), 0);
  assert.equal(undescribed(btfOf("vm_rx"), new Uint8Array(), "vrouter"), 0);
});

Deno.test("checkKernelBtf() counts types, and compares only what a user has named", () => {
  const facts = { path: "/sys/kernel/btf/vmlinux", types: 107331, layouts: null };
  assert.deepEqual(checkKernelBtf({ ...facts, agreement: null }), {
    status: "ok",
    found: "107,331 types in /sys/kernel/btf/vmlinux",
    advice: null,
  });
  const same = checkKernelBtf({ ...facts, agreement: { described: 47000, running: 46990 } });
  assert.equal(same.status, "ok");
  assert.match(same.found, /; 99 % of its 47,000 functions are in the running kernel$/);
  const other = checkKernelBtf({ ...facts, agreement: { described: 47000, running: 38000 } });
  assert.equal(other.status, "failed");
  assert.match(other.advice!, /--kernel-btf/);
});

const FILE: VrouterBtfFacts = {
  path: "/tmp/vrouter.btf",
  own: false,
  describesPackets: true,
  sameBuild: null,
  agreement: { described: 412, running: 400 },
  kernelLayouts: { compared: 587, different: [] },
  moduleLayouts: null,
  undescribed: 5,
};

Deno.test("checkVrouterBtf() measures a file by the functions of the loaded module", () => {
  assert.deepEqual(checkVrouterBtf(FILE), {
    status: "ok",
    found: "/tmp/vrouter.btf: 97 % of its 412 functions are in the loaded module, which has 5 more",
    advice: null,
  });
  const other = checkVrouterBtf({ ...FILE, agreement: { described: 412, running: 300 } });
  assert.equal(other.status, "failed");
  assert.match(other.found, /72 % of its 412/);
  assert.match(other.advice!, /pahole -J/);
  const empty = checkVrouterBtf({ ...FILE, agreement: { described: 0, running: 0 } });
  assert.equal(empty.status, "failed");
});

Deno.test("checkVrouterBtf() tells another kernel's build by the structs, whatever the names", () => {
  const others = Array.from({ length: 136 }, (_, index) => `struct_${index}`);
  const kernelLayouts = { compared: 578, different: ["task_struct", ...others] };
  const other = checkVrouterBtf({ ...FILE, kernelLayouts });
  assert.equal(other.status, "failed");
  assert.match(
    other.found,
    /built for another kernel: 137 of 578 structs \(task_struct, struct_0, struct_1, …\) differ from/,
  );
  // Two headers can have a struct of one name; one that is read must be the same.
  const few = { compared: 578, different: ["list"] };
  assert.equal(checkVrouterBtf({ ...FILE, kernelLayouts: few }).status, "ok");
  const read = checkVrouterBtf({ ...FILE, kernelLayouts: { ...few, different: ["a", "sk_buff"] } });
  assert.equal(read.status, "failed");
  assert.match(read.found, /\(sk_buff, a\)/);
});

Deno.test("checkVrouterBtf() compares a file with the BTF that the module has in the kernel", () => {
  const moduleLayouts = { compared: 28, different: ["vr_interface"] };
  const other = checkVrouterBtf({ ...FILE, moduleLayouts });
  assert.equal(other.status, "failed");
  assert.match(other.found, /1 of 28 structs \(vr_interface\) differ from the loaded module's$/);
  const same = { compared: 28, different: [] };
  assert.equal(checkVrouterBtf({ ...FILE, moduleLayouts: same }).status, "ok");
});

Deno.test("checkKernelBtf() tells another build by the structs", () => {
  const facts = { path: "/root/vmlinux", types: 95246, agreement: { described: 100, running: 99 } };
  const layouts = { compared: 7189, different: ["task_struct", "net"] };
  const other = checkKernelBtf({ ...facts, layouts });
  assert.equal(other.status, "failed");
  assert.match(other.found, /2 of 7,189 structs \(net, task_struct\) differ from the running/);
  const same = { compared: 8303, different: [] };
  assert.equal(checkKernelBtf({ ...facts, layouts: same }).status, "ok");
});

Deno.test("checkVrouterBtf() goes by the build id where there is one, whatever the names", () => {
  const same = checkVrouterBtf({ ...FILE, sameBuild: true, agreement: null });
  assert.equal(same.status, "ok");
  assert.match(same.found, /build id/);
  assert.equal(checkVrouterBtf({ ...FILE, sameBuild: false }).status, "failed");
});

Deno.test("checkVrouterBtf() takes the kernel's own for the module's", () => {
  const own = { ...FILE, path: "/sys/kernel/btf/vrouter", own: true, agreement: null };
  assert.equal(checkVrouterBtf(own).status, "ok");
});

Deno.test("checkVrouterBtf() fails without vr_packet, and does not fail without a module", () => {
  const foreign = checkVrouterBtf({ ...FILE, own: true, describesPackets: false });
  assert.equal(foreign.status, "failed");
  assert.match(foreign.found, /vr_packet\.vp_if/);
  assert.equal(checkVrouterBtf({ ...FILE, agreement: null }).status, "note");
});

Deno.test("checkNoVrouterBtf() gives the reasons and says how to make one", () => {
  const { status, found, advice } = checkNoVrouterBtf(
    "this kernel has no BTF of modules",
    'Ignoring "/tmp/vrouter.btf": not root\'s',
  );
  assert.equal(status, "failed");
  assert.match(found, /Ignoring "\/tmp\/vrouter\.btf"/);
  assert.match(advice!, /pahole -J.*--vrouter-btf/);
  assert.equal(checkNoVrouterBtf("none", null).found, "none");
});

Deno.test("checkModuleBtf() names the modules that are left out, which is no failure", () => {
  assert.deepEqual(checkModuleBtf(1200, []), {
    status: "ok",
    found: "of 1,200 modules",
    advice: null,
  });
  assert.equal(checkModuleBtf(0, []).status, "note");
  const reason = "Built over the BTF of another kernel";
  const leftOut = [{ module: "bridge", reason }, { module: "llc", reason }];
  const { status, found, advice } = checkModuleBtf(20, leftOut);
  assert.equal(status, "note");
  assert.match(found, /^Left out modules bridge and llc: .*another kernel$/);
  assert.match(advice!, /not traced/);
});
