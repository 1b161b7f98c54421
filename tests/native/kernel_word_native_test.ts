import assert from "node:assert/strict";
import { readBtfOnly } from "../../src/kernel/sources.ts";
import { knowsVariable, readKernelWord } from "../../src/probe/bpf_syscall.ts";
import { addressOfSymbol } from "../../src/probe/initial_namespace.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { openDescriptors } from "../support/descriptors.ts";

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);

test("readKernelWord() reads what stands at an address", () => {
  // Some code: whatever it is, two words of it that overlap have bytes in common.
  const code = addressOfSymbol(Deno.readTextFileSync("/proc/kallsyms"), "bpf_prog_run_generic_xdp");
  assert.ok(code !== null, "/proc/kallsyms does not show it");
  const before = openDescriptors("anon_inode:");
  const [word, next] = [readKernelWord(code), readKernelWord(code + 1n)];
  assert.notEqual(word, 0);
  assert.equal(word >>> 8, next & 0xffffff);
  assert.equal(openDescriptors("anon_inode:"), before);
});

test("readKernelWord() reads nothing where there is nothing", () => {
  assert.equal(readKernelWord(0xffffffffff000000n), 0);
});

test("knowsVariable() says whether /proc/kallsyms has a variable of the kernel", async () => {
  const { kernel } = await readBtfOnly({ kernelBtf: null, vrouterBtf: null, vrouter: false });
  const id = kernel.variableId("softnet_data");
  assert.ok(id !== undefined);
  const before = openDescriptors("anon_inode:");
  const symbols = Deno.readTextFileSync("/proc/kallsyms");
  assert.equal(knowsVariable(id), / softnet_data$/m.test(symbols));
  // A prototype is no variable.
  assert.ok(!knowsVariable(kernel.target(kernel.functionId("ip_rcv")!)));
  assert.equal(openDescriptors("anon_inode:"), before);
});
