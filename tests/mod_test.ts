import assert from "node:assert/strict";
import { drawCalls, packetFunctions, vifNames } from "../examples/library.ts";
import { Btf, Failure } from "../mod.ts";
import { BtfWriter } from "./support/btf_writer.ts";
import { type CallRecord, recordBytes } from "./support/call_records.ts";
import { capturedDump, ScriptedTransport } from "./vrouter/fake_module.ts";

Deno.test("the library finds the functions that take a packet, in BTF and lists as bytes", () => {
  const writer = new BtfWriter();
  const skb = writer.pointer(writer.struct("sk_buff", 8, []));
  writer.func("ip_rcv", [["skb", skb]]);
  writer.func("kfree_skb", [["skb", skb]]);
  writer.func("schedule", []);
  const encoder = new TextEncoder();
  const found = packetFunctions({
    modules: [{ module: "vmlinux", btf: Btf.parse(writer.bytes()) }],
    leftOut: [],
    kallsyms: encoder.encode("ffffffff81000010 T ip_rcv\nffffffff81000020 T kfree_skb\n"),
    filterFunctions: encoder.encode("ip_rcv\n"),
  });
  assert.deepEqual(found, ["vmlinux:ip_rcv"]);
});

Deno.test("the library reads vifs from what a module has answered", () => {
  const transport = new ScriptedTransport(capturedDump());
  assert.deepEqual(vifNames(transport).slice(0, 3), ["vif0/0 fab0", "vif0/1 tap1", "vif0/2 tap2"]);
  assert.throws(() => vifNames(new ScriptedTransport([])), (error) => {
    return error instanceof Failure && error.kind === "vifs";
  });
});

Deno.test("the library builds call trees from records", () => {
  const records: CallRecord[] = [
    { kind: "entry", task: 7, cpu: 0, frame: 0x2000, fn: 0 },
    { kind: "entry", task: 7, cpu: 0, frame: 0x1f00, fn: 1 },
    { kind: "return", task: 7, cpu: 0, frame: 0x1f00, fn: 1 },
    { kind: "return", task: 7, cpu: 0, frame: 0x2000, fn: 0 },
    { kind: "entry", task: 7, cpu: 0, frame: 0x2000, fn: 1 },
  ];
  const bytes = Uint8Array.from(records.flatMap((record) => [...recordBytes(record)]));
  assert.deepEqual(drawCalls(["ip_rcv", "ip_rcv_core"], new Uint32Array(bytes.buffer)), [
    "ip_rcv {",
    "  ip_rcv_core {",
    "  }",
    "}",
    "ip_rcv_core {",
    "} (trace ended)",
  ]);
});

Deno.test("the example of the library runs on this machine, root or not", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", "examples/library.ts"],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  // Without the kernel's BTF, or without rights on a host with the module, it says why.
  if (code !== 0) assert.match(decoder.decode(stderr), /^Cannot .*\n$/);
  else assert.match(decoder.decode(stdout), /^\d+ functions take a packet\n/);
});
