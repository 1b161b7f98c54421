import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { whyNoModuleBtf } from "../../src/kernel/module_btf.ts";
import { BtfWriter } from "../support/btf_writer.ts";

const btf = Btf.parse(new BtfWriter().bytes());
const VMLINUX = { module: "vmlinux", btf };

const VM_RX = "ffffffffc0000010 t vm_rx\t[vrouter]\n";

function why(symbols: string | null, others: string[] = [], leftOut: string[] = []): string {
  return whyNoModuleBtf({
    modules: [VMLINUX, ...others.map((module) => ({ module, btf }))],
    leftOut: leftOut.map((module) => ({ module, reason: "Truncated" })),
    kallsyms: symbols === null ? null : new TextEncoder().encode(`${symbols}${VM_RX}`),
  });
}

Deno.test("whyNoModuleBtf() tells what is missing: BTF of all modules, of vrouter alone, or the module", () => {
  const module = /^the loaded module was built without BTF/;
  const kernel = /^this kernel has no BTF of modules$/;
  assert.match(why("ffffffff81000010 t btf_module_notify\n"), module);
  assert.match(why(null, ["bridge"]), module);
  assert.match(why(null, [], ["bridge"]), module);
  assert.match(why(null), kernel);
  assert.match(why("ffffffff81000010 t btf_parse_base\n"), kernel);
  assert.match(why("ffffffff81000010 t btf_module_notify\t[other]\n"), kernel);
  const kallsyms = new TextEncoder().encode("ffffffff81000010 t btf_module_notify\n");
  const found = whyNoModuleBtf({ modules: [VMLINUX], leftOut: [], kallsyms });
  assert.equal(found, "it is not loaded");
});
