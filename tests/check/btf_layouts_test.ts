import assert from "node:assert/strict";
import { layoutAgreement } from "../../src/check/btf_layouts.ts";
import { Btf, BtfError } from "../../src/kernel/btf.ts";
import { BtfWriter, type Member } from "../support/btf_writer.ts";

/** A struct: name, size, members. */
type Struct = readonly [name: string, bytes: number, members: Member[]];

function btfOf(...structs: Struct[]): Btf {
  const writer = new BtfWriter();
  for (const [name, bytes, members] of structs) writer.struct(name, bytes, members);
  writer.forward("fwd");
  return Btf.parse(writer.bytes());
}

const skb: Struct = ["sk_buff", 232, [["next", 0, 0], ["cb", 0, 320]]];

Deno.test("layoutAgreement() compares sizes, and names and places of members, of common structs", () => {
  const mine = btfOf(skb, ["vr_packet", 48, []]);
  const found = layoutAgreement(mine, btfOf(skb, ["task_struct", 9000, []]));
  assert.deepEqual(found, { compared: 1, different: [] });
  const changed: Struct[] = [
    ["sk_buff", 240, [["next", 0, 0], ["cb", 0, 320]]],
    ["sk_buff", 232, [["next", 0, 0], ["cb", 0, 384]]],
    ["sk_buff", 232, [["prev", 0, 0], ["cb", 0, 320]]],
    ["sk_buff", 232, [["next", 0, 0]]],
  ];
  for (const other of changed) {
    const found = layoutAgreement(mine, btfOf(other));
    assert.deepEqual(found, { compared: 1, different: ["sk_buff"] });
  }
});

Deno.test("layoutAgreement() takes several structs of a name for the same where any two are", () => {
  const small: Struct = ["route", 8, []];
  const large: Struct = ["route", 64, []];
  const both = btfOf(small, large);
  assert.deepEqual(layoutAgreement(btfOf(small), both), { compared: 1, different: [] });
  assert.deepEqual(layoutAgreement(both, btfOf(large)), { compared: 1, different: [] });
  const neither = layoutAgreement(both, btfOf(["route", 72, []]));
  assert.deepEqual(neither, { compared: 1, different: ["route"] });
});

Deno.test("layoutAgreement() leaves out structs without a name, declarations, and the base", () => {
  const kernel = new BtfWriter();
  kernel.struct("sk_buff", 232);
  const module = new BtfWriter(kernel);
  module.struct("", 8);
  module.struct("vr_packet", 48);
  module.forward("fwd");
  const split = Btf.parse(module.bytes(), Btf.parse(kernel.bytes()));
  const found = layoutAgreement(
    btfOf(["sk_buff", 1, []], ["", 9, []], ["vr_packet", 48, []]),
    split,
  );
  assert.deepEqual(found, { compared: 1, different: [] });
});

Deno.test("layoutAgreement() rejects damaged names", () => {
  const writer = new BtfWriter();
  writer.struct("sk_buff", 8, [["next", 0, 0]]);
  const bytes = writer.bytes();
  // The name of the member starts inside that of the struct.
  new DataView(bytes.buffer).setUint32(24 + 12, 3, true);
  const btf = Btf.parse(bytes);
  assert.throws(() => layoutAgreement(btf, btfOf(skb)), BtfError);
});
