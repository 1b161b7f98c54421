import assert from "node:assert/strict";
import { findSymbols, findTraceable } from "../../src/kernel/symbols.ts";
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
  const { lines } = findSymbols(bytes(KALLSYMS), names);
  assert.deepEqual(lines, [
    { name: "ip_rcv", suffix: "", module: "vmlinux", address: 0xffffffff81c00010n },
    { name: "ip_send_check", suffix: "", module: "vmlinux", address: 0xffffffff81c00080n },
    { name: "weak_one", suffix: "", module: "vmlinux", address: 0xffffffff81c000c0n },
    { name: "vr_flow_forward", suffix: "", module: "vrouter", address: 0xffffffffc0000010n },
    { name: "ip_rcv", suffix: "", module: "vrouter", address: 0xffffffffc0000050n },
  ]);
});

Deno.test("findSymbols() lists the modules of all functions, wanted or not", () => {
  assert.deepEqual([...findSymbols(bytes(KALLSYMS), []).modules], ["vrouter", "bridge"]);
});

Deno.test("findSymbols() tells what the compiler made from a wanted function", () => {
  const lines = [
    "ffffffff81c00010 t skb_put.constprop.0.isra.0",
    "ffffffff81c00020 t skb_put",
    "ffffffff81c00030 t skb_put.cold",
    "ffffffff81c00040 t skb_put_data.part.0",
    "ffffffffc0000010 t skb_put.isra.0\t[tun]",
  ];
  const found = findSymbols(bytes(`${lines.join("\n")}\n`), ["skb_put"]).lines;
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
  assert.equal(findSymbols(line, ["skb_put.isra.0"]).lines[0]?.suffix, "");
});

Deno.test("findSymbols() finds addresses hidden as zero", () => {
  const { lines } = findSymbols(bytes("0000000000000000 T ip_rcv\n"), ["ip_rcv"]);
  assert.equal(lines[0]?.address, 0n);
});

Deno.test("findSymbols() reads a last line without newline, and passes over odd lines", () => {
  const text =
    "\nffffffff81c00010\nffffffff81c00010 t\nnonsense t ip_rcv\nffffffff81c00010 t ip_rcv";
  assert.deepEqual(findSymbols(bytes(text), ["ip_rcv"]).lines, []);
  const { lines } = findSymbols(bytes(`ffffffff81c00000 t a${text}`), ["ip_rcv"]);
  assert.deepEqual(lines.map(({ address }) => address), [0xffffffff81c00010n]);
  assert.deepEqual(findSymbols(bytes(""), ["ip_rcv"]).lines, []);
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

Deno.test("lists of random bytes are read without failing", () => {
  const seed = 11;
  const runs = propertyRuns(2_000);
  console.log(`seed ${seed}, ${runs} runs`);
  const random = new Random(seed);
  const original = bytes(KALLSYMS);
  for (let run = 0; run < runs; run++) {
    const list = run % 2 === 0 ? random.bytes(random.int(200)) : original.slice();
    for (let change = random.int(20); change > 0 && list.length > 0; change--) {
      list[random.int(list.length)] = random.int(256);
    }
    for (const { module } of findSymbols(list, ["ip_rcv", "vr_flow_forward"]).lines) {
      assert.equal(typeof module, "string");
    }
    findTraceable(list, ["ip_rcv"]);
  }
});
