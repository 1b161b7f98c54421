import assert from "node:assert/strict";
import {
  findSymbols,
  findTraceable,
  listsModule,
  moduleFunctions,
  type SymbolLine,
} from "../../src/kernel/symbols.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const KALLSYMS = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81c00010 T ip_rcv
ffffffff81c00040 t ip_rcv_finish
ffffffff81c00080 W ip_send_check
ffffffff81c000c0 w weak_one
ffffffff82000000 D ip_rcv
ffffffff82000010 r ip_send_check
ffffffffc0000010 t vr_flow_forward\t[vrouter]
ffffffffc0000050 t ip_rcv\t[vrouter]
ffffffffc0100010 t br_handle_frame\t[bridge]
`;

Deno.test("findSymbols() finds wanted functions with address and module, and no data", () => {
  const names = ["ip_rcv", "ip_send_check", "weak_one", "vr_flow_forward", "missing"];
  assert.deepEqual(findSymbols(bytes(KALLSYMS), names), [
    { name: "ip_rcv", suffix: "", module: "vmlinux", address: 0xffffffff81c00010n },
    { name: "ip_send_check", suffix: "", module: "vmlinux", address: 0xffffffff81c00080n },
    { name: "weak_one", suffix: "", module: "vmlinux", address: 0xffffffff81c000c0n },
    { name: "vr_flow_forward", suffix: "", module: "vrouter", address: 0xffffffffc0000010n },
    { name: "ip_rcv", suffix: "", module: "vrouter", address: 0xffffffffc0000050n },
  ]);
});

Deno.test("listsModule() finds the modules that have a symbol", () => {
  assert.ok(listsModule(bytes(KALLSYMS), "vrouter"));
  assert.ok(listsModule(bytes(KALLSYMS), "bridge"));
  for (const module of ["tun", "vroute", "vrouters", "router", "vmlinux"]) {
    assert.ok(!listsModule(bytes(KALLSYMS), module), module);
  }
});

Deno.test("findSymbols() finds nothing when nothing is wanted, or listed", () => {
  assert.deepEqual(findSymbols(bytes(KALLSYMS), []), []);
  assert.deepEqual(findSymbols(bytes(""), ["ip_rcv"]), []);
});

Deno.test("findSymbols() tells what the compiler made from a wanted function", () => {
  const lines = [
    "ffffffff81c00010 t skb_put.constprop.0.isra.0",
    "ffffffff81c00020 t skb_put",
    "ffffffff81c00030 t skb_put.cold",
    "ffffffff81c00040 t skb_put_data.part.0",
    "ffffffffc0000010 t skb_put.isra.0\t[tun]",
  ];
  const found = findSymbols(bytes(`${lines.join("\n")}\n`), ["skb_put"]);
  assert.deepEqual(
    found.map(({ name, suffix, module }) => `${module} ${name} ${suffix}`),
    [
      "vmlinux skb_put .constprop.0.isra.0",
      "vmlinux skb_put ",
      "vmlinux skb_put .cold",
      "tun skb_put .isra.0",
    ],
  );
});

Deno.test("findSymbols() finds a wanted name that has a dot itself", () => {
  const line = bytes("ffffffff81c00010 t skb_put.isra.0\n");
  assert.equal(findSymbols(line, ["skb_put.isra.0"])[0]?.suffix, "");
});

Deno.test("findSymbols() finds addresses hidden as zero", () => {
  const list = bytes("0000000000000000 T ip_rcv\n");
  assert.equal(findSymbols(list, ["ip_rcv"])[0]?.address, 0n);
});

Deno.test("findSymbols() finds names at every alignment, of every length, and in the last line", () => {
  for (const name of ["a", "vm_rx", "ip_rcv", "vr_flow_forward"]) {
    for (let shift = 0; shift < 8; shift++) {
      const lines = [
        `ffffffff81c00010 t ${"x".repeat(1 + shift)}`,
        `ffffffff81c00020 t ${name}`,
        `ffffffff81c00030 t ${name}_`,
        `ffffffff81c00040 t ${name}\t[tun]`,
        `ffffffff81c00050 t ${name}`,
      ];
      const found = findSymbols(bytes(lines.join("\n")), [name, "missing_function"]);
      assert.deepEqual(
        found.map(({ module, address }) => [module, Number(address & 0xffn)]),
        [["vmlinux", 0x20], ["tun", 0x40], ["vmlinux", 0x50]],
      );
      const buffer = new Uint8Array(300);
      const end = shift + buffer.subarray(shift).length;
      buffer.fill(0x0a).set(bytes(lines.join("\n")), shift);
      assert.deepEqual(findSymbols(buffer.subarray(shift, end), [name]), found);
    }
  }
});

Deno.test("findSymbols() passes over lines of another form", () => {
  const odd = "ffffffff81c00010tt ip_rcv\nffffffff81c00010 tt ip_rcv\n";
  assert.deepEqual(findSymbols(bytes(`ffffffff81c00010 t a\n${odd}`), ["ip_rcv"]), []);
});

Deno.test("findTraceable() finds wanted functions of the kernel and of modules", () => {
  const text =
    "ip_rcv\n__ftrace_invalid_address___16\nvr_trap [vrouter]\nip_rcv.isra.0\nip_rcv [tun]";
  assert.deepEqual(findTraceable(bytes(text), ["ip_rcv", "vr_trap"]), [
    { name: "ip_rcv", suffix: "", module: "vmlinux", address: 0n },
    { name: "vr_trap", suffix: "", module: "vrouter", address: 0n },
    { name: "ip_rcv", suffix: ".isra.0", module: "vmlinux", address: 0n },
    { name: "ip_rcv", suffix: "", module: "tun", address: 0n },
  ]);
});

Deno.test("lookups by hash find what a plain comparison finds", () => {
  const seed = 7;
  const runs = propertyRuns(200);
  console.log(`seed ${seed}, ${runs} runs of 50 names`);
  const random = new Random(seed);
  const name = (): string =>
    Array.from({ length: 1 + random.int(4) }, () => random.pick([..."ab_.0"])).join("");
  for (let run = 0; run < runs; run++) {
    const wanted = new Set(Array.from({ length: random.int(50) }, name));
    const list = Array.from({ length: 50 }, name);
    const expected = list.flatMap((line) => {
      if (wanted.has(line)) return [`${line}|`];
      const dot = line.indexOf(".");
      return dot >= 0 && wanted.has(line.slice(0, dot))
        ? [`${line.slice(0, dot)}|${line.slice(dot)}`]
        : [];
    });
    const found = findTraceable(bytes(list.join("\n")), wanted);
    assert.deepEqual(found.map((line) => `${line.name}|${line.suffix}`), expected);
  }
});

Deno.test("moduleFunctions() gives the code of one module, without parts that are jumped to", () => {
  const kallsyms = new TextEncoder().encode(`\
ffffffff81000000 T startup
ffffffffc0000000 t vm_rx\t[vrouter]
ffffffffc0000010 t __pfx_vm_rx\t[vrouter]
ffffffffc0000020 d vr_table\t[vrouter]
ffffffffc0000030 t a.isra.0\t[vrouter]
ffffffffc0000040 t a.isra.0.cold\t[vrouter]
ffffffffc0000050 t vm_tx\t[vrouter_other]
0000000000000000 T hidden\t[vrouter]
ffffffffc0000060 t odd\t[vrouter][vrouter]
ffffffffc0000070 w last\t[vrouter]`);
  const line = (name: string, suffix: string, address: bigint): SymbolLine => {
    return { name, suffix, module: "vrouter", address };
  };
  assert.deepEqual(moduleFunctions(kallsyms, "vrouter"), [
    line("vm_rx", "", 0xffffffffc0000000n),
    line("a", ".isra.0", 0xffffffffc0000030n),
    line("hidden", "", 0n),
    line("last", "", 0xffffffffc0000070n),
  ]);
});
