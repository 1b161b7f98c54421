import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { type ResultType, resultTypes, resultWords } from "../../src/kernel/result_type.ts";
import { BtfWriter } from "../support/btf_writer.ts";

const BOOL = 4 << 24;
const SIGNED = 1 << 24;

/** The types of functions that return what `make` adds to BTF, by their names. */
function typesOf(
  make: (btf: BtfWriter) => Record<string, number>,
): Record<string, ResultType | null> {
  const writer = new BtfWriter();
  const results = make(writer);
  for (const [name, type] of Object.entries(results)) writer.func(name, [], type);
  const functions = Object.keys(results).map((name) => ({ name, module: "vmlinux" }));
  const btf = Btf.parse(writer.bytes());
  const types = resultTypes([{ module: "vmlinux", btf }], functions);
  return Object.fromEntries(functions.map(({ name }, index) => [name, types[index]!]));
}

function int(btf: BtfWriter, name: string, bytes: number, encoding: number): number {
  return btf.add(name, 1, bytes, { extra: [encoding | 8 * bytes] });
}

/** What a register with a result says, for each function. */
function words(types: Record<string, ResultType | null>, register: bigint): (string | null)[] {
  const low = Number(register & 0xffffffffn) | 0;
  const high = Number(register >> 32n) | 0;
  return Object.values(types).map((type) => resultWords(type!, low, high));
}

Deno.test("resultTypes() follows typedefs, and knows sizes and signs", () => {
  const types = typesOf((btf) => ({
    none: 0,
    flag: btf.typedef("bool", int(btf, "_Bool", 1, BOOL)),
    number: int(btf, "int", 4, SIGNED),
    unsigned: int(btf, "unsigned int", 4, 0),
    small: btf.typedef("u16", int(btf, "short unsigned int", 2, 0)),
    big: int(btf, "long int", 8, SIGNED),
    pointer: btf.pointer(btf.const(btf.struct("sk_buff", 232))),
  }));
  // All of the register counts for none but the last two.
  assert.deepEqual(words(types, 0xffff_8881_ffff_ff00n), [
    null,
    "false",
    "-256",
    "4294967040",
    "65280",
    `${BigInt.asIntN(64, 0xffff_8881_ffff_ff00n)}`,
    "0xffff8881ffffff00",
  ]);
  assert.deepEqual(words(types, 1n), [null, "true", "1", "1", "1", "1", "0x1"]);
  assert.equal(resultWords(types["pointer"]!, 0, 0), "NULL");
});

Deno.test("resultTypes() names the values of enums, with and without a sign", () => {
  const types = typesOf((btf) => ({
    plain: btf.typedef("flow_result_t", btf.enum("", { FLOW_HELD: 0, FLOW_FORWARD: 1 })),
    signed: btf.add("netdev_tx", 6, 4, {
      count: 2,
      flag: true,
      extra: [btf.string("__NETDEV_TX_MIN"), 0x80000000, btf.string("NETDEV_TX_OK"), 0],
    }),
    wide: btf.add("wide", 19, 8, { count: 1, extra: [btf.string("HIGH"), 1, 2] }),
  }));
  assert.deepEqual(words(types, 1n), ["FLOW_FORWARD", "1", "1"]);
  assert.deepEqual(words(types, 0x80000000n), ["2147483648", "__NETDEV_TX_MIN", "2147483648"]);
  assert.deepEqual(words(types, 0x2_0000_0001n), ["FLOW_FORWARD", "1", "HIGH"]);
});

Deno.test("resultTypes() does not know structs, nor functions that BTF does not have", () => {
  const writer = new BtfWriter();
  writer.func("pair", [], writer.struct("pair", 16));
  const btf = Btf.parse(writer.bytes());
  const of = (name: string, module: string) => ({ name, module });
  assert.deepEqual(
    resultTypes([{ module: "vmlinux", btf }], [
      of("pair", "vmlinux"),
      of("missing", "vmlinux"),
      of("pair", "veth"),
    ]),
    [null, null, null],
  );
});

Deno.test("resultTypes() does not choose between functions of one name with different results", () => {
  const writer = new BtfWriter();
  const number = int(writer, "int", 4, SIGNED);
  const long = int(writer, "long int", 8, SIGNED);
  writer.func("same", [], number);
  writer.func("same", [], writer.typedef("error_t", number));
  writer.func("other", [], number);
  writer.func("other", [], long);
  const functions = ["same", "other"].map((name) => ({ name, module: "vmlinux" }));
  const btf = Btf.parse(writer.bytes());
  const [same, other] = resultTypes([{ module: "vmlinux", btf }], functions);
  assert.deepEqual(same, { kind: "int", bits: 32, isSigned: true });
  assert.equal(other, null);
});
