import assert from "node:assert/strict";
import { Btf, KIND_FUNC } from "../../src/kernel/btf.ts";
import { testUnless, whyNoFile, whyNoProgram } from "../support/skip.ts";

const VMLINUX = "/sys/kernel/btf/vmlinux";

const reason = whyNoFile(VMLINUX) || whyNoProgram("bpftool", ["version"]);

/** What bpftool makes of the running kernel's BTF. */
async function bpftoolDump(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("bpftool", {
    args: ["btf", "dump", "file", VMLINUX, "format", "raw"],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

testUnless(reason, "the running kernel's BTF has the functions that bpftool sees", async () => {
  const dump = await bpftoolDump();
  const btf = Btf.parse(await Deno.readFile(VMLINUX));
  const ids = dump.match(/^\[\d+\]/gm) ?? [];
  assert.equal(btf.endId - 1, ids.length);

  const names: string[] = [];
  for (let id = 1; id < btf.endId; id++) if (btf.kind(id) === KIND_FUNC) names.push(btf.name(id));
  const expected = [...dump.matchAll(/^\[\d+\] FUNC '([^']*)'/gm)].map(([, name]) => name);
  assert.deepEqual(names, expected);
});

testUnless(reason, "the running kernel's BTF has the offsets that bpftool sees", async () => {
  const dump = await bpftoolDump();
  const btf = Btf.parse(await Deno.readFile(VMLINUX));
  const struct = /^\[\d+\] STRUCT 'sk_buff' size=(\d+).*\n((?:\t.*\n)*)/m.exec(dump);
  assert.ok(struct !== null);
  assert.equal(btf.structSize("sk_buff"), Number(struct[1]));
  const members = [...(struct[2] ?? "").matchAll(/\t'(\w+)' type_id=\d+ bits_offset=(\d+)$/gm)];
  assert.ok(members.length > 10);
  for (const [, name, bits] of members) {
    assert.equal(btf.memberOffset("sk_buff", name as string), Number(bits) / 8, name);
  }
  // Inside an unnamed struct inside an unnamed union.
  assert.equal(btf.memberOffset("sk_buff", "dev"), 16);
});
