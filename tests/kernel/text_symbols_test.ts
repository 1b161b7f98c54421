import assert from "node:assert/strict";
import { runningTextSymbols, TextSymbols } from "../../src/kernel/text_symbols.ts";

function symbols(...lines: string[]): TextSymbols {
  return new TextSymbols(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}

Deno.test("containing() gives the last symbol at or below an address", () => {
  const text = symbols(
    "ffffffff81000000 T startup",
    "ffffffff81000040 t ip_rcv",
    "ffffffff81000100 t ip_local_deliver",
  );
  assert.deepEqual(text.containing(0x81000040), { name: "ip_rcv", start: 0x81000040 });
  assert.deepEqual(text.containing(0x810000ff), { name: "ip_rcv", start: 0x81000040 });
  assert.deepEqual(text.containing(0x81000100)?.name, "ip_local_deliver");
  assert.deepEqual(text.containing(0xffffffff)?.name, "ip_local_deliver");
  assert.equal(text.containing(0x80ffffff), undefined);
});

Deno.test("after() gives the first address of a symbol above another", () => {
  const text = symbols("ffffffff81000000 T startup", "ffffffff81000040 t ip_rcv");
  assert.equal(text.after(0x80000000), 0x81000000);
  assert.equal(text.after(0x81000000), 0x81000040);
  assert.equal(text.after(0x8100003f), 0x81000040);
  assert.equal(text.after(0x81000040), undefined);
});

Deno.test("TextSymbols sorts by address: modules stand in any order", () => {
  const text = symbols(
    "ffffffffc0a00100 t vr_flow_forward\t[vrouter]",
    "ffffffff81000000 T startup",
    "ffffffffc0a00000 t vr_bridge_input\t[vrouter]",
  );
  assert.equal(text.after(0x81000000), 0xc0a00000);
  assert.equal(text.after(0xc0a00000), 0xc0a00100);
  assert.deepEqual(text.containing(0xc0a00010), { name: "vr_bridge_input", start: 0xc0a00000 });
});

Deno.test("TextSymbols takes symbols of one address for one place", () => {
  const text = symbols(
    "ffffffff81000000 T first",
    "ffffffff81000000 t second",
    "ffffffff81000040 t next",
  );
  assert.equal(text.after(0x81000000), 0x81000040);
  assert.deepEqual(text.containing(0x81000000), { name: "second", start: 0x81000000 });
});

Deno.test("TextSymbols knows text alone, global, local and weak", () => {
  const text = symbols(
    "ffffffff81000000 T global",
    "ffffffff81000010 d data",
    "ffffffff81000020 r constant",
    "ffffffff81000030 t local",
    "ffffffff81000040 B zeroes",
    "ffffffff81000050 W weak",
    "ffffffff81000060 w weaker",
    "ffffffff81000070 A absolute",
  );
  const starts = [];
  for (let at = text.after(0); at !== undefined; at = text.after(at)) starts.push(at & 0xff);
  assert.deepEqual(starts, [0x00, 0x30, 0x50, 0x60]);
});

Deno.test("TextSymbols leaves out what does not lie in the upper 4 GiB, or is hidden", () => {
  const text = symbols(
    "0000000000000000 t hidden",
    "0000000000018000 t per_cpu",
    "ffff888100000000 t direct",
    "fffffffe81000000 t below",
    "ffffffff81000000 t ip_rcv",
  );
  assert.equal(text.after(0), 0x81000000);
  assert.equal(text.after(0x81000000), undefined);
});

Deno.test("TextSymbols passes over lines that are none, and reads a last one without a newline", () => {
  const bytes = new TextEncoder().encode(
    "\nffffffff81000000 t \nffffffff81000000\nffffffff81000010 t a\n\nffffffff81000020 t b",
  );
  const text = new TextSymbols(bytes);
  assert.deepEqual(text.containing(0x81000010), { name: "a", start: 0x81000010 });
  assert.deepEqual(text.containing(0x81000020), { name: "b", start: 0x81000020 });
  assert.equal(text.after(0), 0x81000010);
});

Deno.test("TextSymbols of nothing knows nothing", () => {
  const text = new TextSymbols(new Uint8Array());
  assert.equal(text.after(0), undefined);
  assert.equal(text.containing(0xffffffff), undefined);
});

Deno.test("runningTextSymbols() reads them again only if a module has come, gone or moved", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const paths = { kallsyms: `${folder}/kallsyms`, modules: `${folder}/modules` };
    const module = (users: number, address: string): string =>
      `vrouter 434176 ${users} - Live ${address} (OE)\n`;
    const write = (modules: string, start: string): void => {
      Deno.writeTextFileSync(paths.modules, modules);
      Deno.writeTextFileSync(paths.kallsyms, `${start} t vm_rx\t[vrouter]\n`);
    };
    write(module(1, "0xffffffffc0100000"), "ffffffffc0100040");
    const first = runningTextSymbols(paths);
    assert.equal(first.after(0xc0100000), 0xc0100040);
    Deno.removeSync(paths.kallsyms);
    Deno.writeTextFileSync(paths.modules, module(3, "0xffffffffc0100000"));
    assert.equal(runningTextSymbols(paths), first);
    write(module(1, "0xffffffffc0200000"), "ffffffffc0200040");
    assert.equal(runningTextSymbols(paths).after(0xc0100000), 0xc0200040);
    write("", "ffffffff81000000");
    assert.equal(runningTextSymbols(paths).after(0x80000000), 0x81000000);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
