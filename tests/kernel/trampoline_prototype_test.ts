import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { whyNoTrampoline } from "../../src/kernel/trampoline_prototype.ts";
import { BtfWriter, type Parameter } from "../support/btf_writer.ts";

/** Why a function of these parameters, and with this result, has no trampoline. */
function why(
  make: (writer: BtfWriter, int: number) => { parameters: readonly number[]; returns?: number },
): string | null {
  const writer = new BtfWriter();
  const { parameters, returns } = make(writer, writer.int("int", 4, true));
  writer.func("f", parameters.map((type, index): Parameter => [`p${index}`, type]), returns);
  const btf = Btf.parse(writer.bytes());
  return whyNoTrampoline(btf, btf.functionId("f")!);
}

Deno.test("whyNoTrampoline() takes functions of up to 12 parameters", () => {
  const pointers = (count: number): string | null =>
    why((writer) => ({ parameters: new Array<number>(count).fill(writer.pointer(0)) }));
  assert.equal(pointers(0), null);
  assert.equal(pointers(12), null);
  assert.match(pointers(13)!, /13 parameters/);
});

Deno.test("whyNoTrampoline() refuses variable arguments, and a struct that is returned", () => {
  assert.match(why((_, int) => ({ parameters: [int, 0] }))!, /variable arguments/);
  const pair = (writer: BtfWriter, int: number): number =>
    writer.typedef("pair_t", writer.struct("pair", 8, [["a", int, 0], ["b", int, 32]]));
  assert.match(why((writer, int) => ({ parameters: [], returns: pair(writer, int) }))!, /returns/);
  const either = (writer: BtfWriter, int: number): number =>
    writer.union("either", 4, [["a", int, 0]]);
  assert.match(
    why((writer, int) => ({ parameters: [], returns: either(writer, int) }))!,
    /returns/,
  );
  assert.equal(
    why((writer, int) => ({ parameters: [], returns: writer.pointer(pair(writer, int)) })),
    null,
  );
});

Deno.test("whyNoTrampoline() takes a struct in registers, which are listed in their order", () => {
  const struct = (bytes: number, before: number): string | null =>
    why((writer, int) => ({
      parameters: [
        ...new Array<number>(before).fill(int),
        writer.const(writer.struct("s", bytes)),
        int,
      ],
    }));
  assert.equal(struct(8, 0), null);
  assert.equal(struct(16, 4), null);
  // It is on the stack, so the parameter behind it is in the register that it has left.
  assert.match(struct(16, 5)!, /on the stack/);
  assert.match(struct(17, 0)!, /struct/);
  assert.match(struct(0, 0)!, /struct/);
});

Deno.test("whyNoTrampoline() counts the words of structs among the 12", () => {
  const pairs = (after: number): string | null =>
    why((writer, int) => ({
      parameters: [
        ...new Array<number>(3).fill(writer.struct("s", 16)),
        ...new Array<number>(after).fill(int),
      ],
    }));
  assert.equal(pairs(6), null);
  assert.match(pairs(7)!, /13 words/);
});
