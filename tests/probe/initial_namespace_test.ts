import assert from "node:assert/strict";
import { addressOfSymbol } from "../../src/probe/initial_namespace.ts";

const KALLSYMS = `\
ffffffff81000000 T _stext
ffffffff82e12300 d init_net_ops
ffffffff82e12340 D init_net
ffffffff82e13000 B other_init_net
ffffffffc0000000 d init_net	[vrouter]
`;

Deno.test("addressOfSymbol() finds the kernel's own symbol of exactly this name", () => {
  assert.equal(addressOfSymbol(KALLSYMS, "init_net"), 0xffffffff82e12340n);
  assert.equal(addressOfSymbol(KALLSYMS, "init"), null);
  assert.equal(addressOfSymbol("", "init_net"), null);
});

Deno.test("addressOfSymbol() takes no hidden address for one", () => {
  assert.equal(addressOfSymbol("0000000000000000 D init_net\n", "init_net"), null);
});
