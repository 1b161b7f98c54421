import assert from "node:assert/strict";
import { Btf, BtfError } from "../../src/kernel/btf.ts";
import { requireFit } from "../../src/kernel/btf_fit.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** A kernel with `extra` types that the next build of it does not have. */
function kernel(extra = 0): BtfWriter {
  const writer = new BtfWriter();
  for (let count = 0; count < extra; count++) writer.pointer(0);
  const int = writer.int("int", 4);
  const skb = writer.struct("sk_buff", 8, [["len", int, 0], ["hash", int, 32]]);
  writer.func("ip_rcv", [["skb", writer.pointer(skb)]], int);
  return writer;
}

/** Ids of the types that a module of {@linkcode kernel} refers to. */
interface Ids {
  readonly int: number;
  readonly skb: number;
  readonly pointer: number;
}

/** Kinds of types in modules: each function adds types that refer to others. */
const MODULES: Record<string, (writer: BtfWriter, ids: Ids) => void> = {
  "a function with a prototype of its own": (writer, { pointer, int }) => {
    writer.func("br_forward", [["skb", pointer], ["port", int]]);
  },
  "a function with the kernel's prototype": (writer, { pointer }) => {
    writer.add("br_rcv", 12, pointer + 1);
  },
  "a struct with an array and a bit field": (writer, { int }) => {
    const array = writer.array(int, 3);
    writer.struct("port", 16, [["list", array, 0], ["flag", int, 1 << 24 | 127]], true);
  },
  "a struct in a struct": (writer, { int }) => {
    const inner = writer.struct("", 4, [["a", int, 0]]);
    writer.struct("outer", 8, [["", inner, 0], ["", inner, 32]]);
  },
  "a variable of each CPU and its tag": (writer, { int }) => {
    const variable = writer.variable("counter", int);
    writer.section(".data..percpu", [variable]);
    writer.declarationTag("user", variable);
  },
  "a function with a variable list": (writer, { int }) => {
    writer.func("log", [["level", int], ["", 0]], int);
  },
};

function idsOf(extra: number): Ids {
  return { int: extra + 1, skb: extra + 2, pointer: extra + 3 };
}

for (const [name, add] of Object.entries(MODULES)) {
  Deno.test(`requireFit() tells the kernel of a module from its next builds by ${name}`, () => {
    const base = kernel(4);
    const writer = new BtfWriter(base);
    add(writer, idsOf(4));
    const bytes = writer.bytes();
    requireFit(Btf.parse(bytes, Btf.parse(base.bytes())));
    // The names are the same in all of them.
    for (const extra of [3, 5]) {
      const other = Btf.parse(bytes, Btf.parse(kernel(extra).bytes()));
      assert.throws(
        () => requireFit(other),
        (error) =>
          error instanceof BtfError && error.message === "Built over the BTF of another kernel",
        `${extra}`,
      );
    }
  });
}

Deno.test("requireFit() takes what a module can have", () => {
  const base = kernel();
  const writer = new BtfWriter(base);
  const { int, skb } = idsOf(0);
  writer.typedef("packet_t", writer.pointer(writer.restrict(writer.volatile(writer.const(skb)))));
  writer.pointer(writer.prototype([["packet", writer.typedef("t", skb)]]));
  writer.pointer(writer.forward("unknown"));
  const rows = writer.array(writer.array(writer.enum64("e", { a: 1n }), 2, int), 3, int);
  writer.union("u", 48, [["rows", rows, 0], ["float", writer.float("double", 8), 0]]);
  writer.struct("flexible", 4, [["count", int, 0], ["entries", writer.array(skb, 0, int), 32]]);
  writer.declarationTag("tag", writer.func("f", [["e", writer.enum("small", { a: 1 })]]));
  requireFit(Btf.parse(writer.bytes(), Btf.parse(base.bytes())));
});

Deno.test("requireFit() leaves BTF that stands alone to whoever made it", () => {
  const writer = new BtfWriter();
  writer.add("f", 12, 99);
  requireFit(Btf.parse(writer.bytes()));
});

Deno.test("requireFit() takes a typedef that leads to itself for damage", () => {
  const base = kernel();
  const writer = new BtfWriter(base);
  const typedef = writer.typedef("t", 0);
  writer.typedef("u", typedef + 2);
  writer.typedef("v", typedef + 1);
  writer.struct("s", 8, [["a", typedef + 1, 0]]);
  const btf = Btf.parse(writer.bytes(), Btf.parse(base.bytes()));
  assert.throws(() => requireFit(btf), BtfError);
});
