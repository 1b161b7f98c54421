import assert from "node:assert/strict";
import { Btf, BtfError } from "../../src/kernel/btf.ts";
import { isOnStack } from "../../src/kernel/packet_function.ts";
import { type PacketParameter, Prototypes } from "../../src/kernel/prototypes.ts";
import { BtfWriter } from "../support/btf_writer.ts";

/** The types that the cases below are put together from. */
function types(writer: BtfWriter): Record<string, number> {
  const skb = writer.struct("sk_buff", 232);
  const packet = writer.struct("vr_packet", 48);
  const pointer = writer.pointer(skb);
  const int = writer.int("int", 4);
  const long = writer.int("long", 8);
  return {
    int,
    bool: writer.int("_Bool", 1),
    int128: writer.int("__int128", 16),
    enum: writer.enum("gfp", { A: 1 }),
    enum64: writer.enum64("flags", { A: 1n }),
    double: writer.float("double", 8),
    void: 0,
    any: writer.pointer(0),
    callback: writer.pointer(writer.prototype([["skb", pointer]])),
    empty: writer.struct("empty", 0),
    small: writer.struct("kuid_t", 4, [["val", int, 0]]),
    pair: writer.struct("sockptr_t", 16, [["kernel", long, 0], ["is_kernel", int, 64]]),
    either: writer.union("either", 16, [["a", long, 0]]),
    large: writer.struct("large", 17),
    skb: pointer,
    pkt: writer.pointer(packet),
    byValue: skb,
    unionSkb: writer.pointer(writer.union("sk_buff", 8)),
    head: writer.pointer(writer.struct("sk_buff_head", 24)),
    declared: writer.pointer(writer.forward("sk_buff")),
    declaredUnion: writer.pointer(writer.forward("sk_buff", { union: true })),
    const: writer.const(writer.pointer(writer.const(skb))),
    volatile: writer.pointer(writer.volatile(skb)),
    restrict: writer.restrict(pointer),
    tagged: writer.pointer(writer.typeTag("rcu", skb)),
    typedef: writer.typedef("skb_ptr", pointer),
    typedefStruct: writer.pointer(writer.typedef("skb_t", writer.const(skb))),
    twice: writer.pointer(pointer),
    constTwice: writer.pointer(writer.const(writer.typedef("pp", writer.pointer(packet)))),
    thrice: writer.pointer(writer.pointer(pointer)),
    vif: writer.pointer(writer.const(writer.struct("vr_interface", 400))),
    vifTwice: writer.pointer(writer.pointer(writer.struct("vr_interface", 400))),
  };
}

/** What is found for `list` of parameters: `sk_buff* 2 in 3` at position 2 in register 3, or `listed 7`. */
function found(list: string, returns = "void"): string | null {
  const writer = new BtfWriter();
  const known = types(writer);
  const parameters = list.split(" ").map((name) => [name, known[name] as number] as const);
  const prototype = writer.prototype(parameters, known[returns]);
  return describe(new Prototypes(Btf.parse(writer.bytes())).packet(prototype));
}

function describe(packet: PacketParameter | null): string | null {
  if (packet === null) return null;
  const { struct, indirection, position, argument } = packet;
  const place = isOnStack(packet) ? "listed" : "in";
  return `${struct}${"*".repeat(indirection)} ${position} ${place} ${argument}`;
}

/** The registers of the packet and of the vif beside it. */
function registers(list: string): (number | null | undefined)[] {
  const writer = new BtfWriter();
  const known = types(writer);
  const parameters = list.split(" ").map((name) => [name, known[name] as number] as const);
  const prototype = writer.prototype(parameters);
  const packet = new Prototypes(Btf.parse(writer.bytes())).packet(prototype);
  return [packet?.argument, packet?.vifRegister];
}

Deno.test("packet() finds a vif beside the packet, on either side of it", () => {
  assert.deepEqual(registers("vif pkt any"), [2, 1]);
  assert.deepEqual(registers("pkt int vif vif"), [1, 3]);
  assert.deepEqual(registers("pair vif skb"), [4, 3]);
});

Deno.test("packet() finds no vif on the stack, behind two pointers, or where there is none", () => {
  assert.deepEqual(registers("pkt int int int int int vif"), [1, undefined]);
  assert.deepEqual(registers("pkt vifTwice"), [1, undefined]);
  assert.deepEqual(registers("vif int"), [undefined, undefined]);
});

Deno.test("packet() sees through every qualifier, typedef and declaration", () => {
  const expected: Record<string, string | null> = {
    skb: "sk_buff* 1 in 1",
    pkt: "vr_packet* 1 in 1",
    declared: "sk_buff* 1 in 1",
    const: "sk_buff* 1 in 1",
    volatile: "sk_buff* 1 in 1",
    restrict: "sk_buff* 1 in 1",
    tagged: "sk_buff* 1 in 1",
    typedef: "sk_buff* 1 in 1",
    typedefStruct: "sk_buff* 1 in 1",
    twice: "sk_buff** 1 in 1",
    constTwice: "vr_packet** 1 in 1",
    thrice: null,
    byValue: null,
    unionSkb: null,
    head: null,
    declaredUnion: null,
    callback: null,
    any: null,
    int: null,
    void: null,
  };
  for (const [parameter, result] of Object.entries(expected)) {
    assert.equal(found(parameter), result, parameter);
  }
});

Deno.test("packet() finds all six registers, and what arrives on the stack", () => {
  for (let position = 1; position <= 12; position++) {
    const list = [...Array(position - 1).fill("int"), "skb"].join(" ");
    assert.equal(
      found(list),
      `sk_buff* ${position} ${position <= 6 ? "in" : "listed"} ${position}`,
    );
  }
});

Deno.test("packet() counts the registers of what stands ahead of the packet", () => {
  const registers: Record<string, number> = {
    int: 1,
    bool: 1,
    enum: 1,
    enum64: 1,
    any: 1,
    callback: 1,
    small: 1,
    int128: 2,
    pair: 2,
    either: 2,
    empty: 0,
    double: 0,
    large: 0,
  };
  for (const [type, taken] of Object.entries(registers)) {
    assert.equal(found(`${type} skb`), `sk_buff* 2 in ${taken + 1}`, type);
  }
});

Deno.test("packet() puts a struct that does not fit on the stack whole, and fills up behind it", () => {
  assert.equal(found("int int int int int pair skb"), "sk_buff* 7 in 6");
  assert.equal(found("int int int int int int128 skb"), "sk_buff* 7 in 6");
  assert.equal(found("int int int int pair skb"), "sk_buff* 6 listed 7");
});

Deno.test("packet() counts two words of the list for a struct of two registers", () => {
  assert.equal(found("pair int int int int skb"), "sk_buff* 6 listed 7");
  assert.equal(found("pair pair either int skb"), "sk_buff* 5 listed 8");
  assert.equal(found("pair int int int int int small skb"), "sk_buff* 8 listed 9");
});

Deno.test("packet() counts the register of a result that is returned in memory", () => {
  assert.equal(found("skb", "large"), "sk_buff* 1 in 2");
  assert.equal(found("skb", "pair"), "sk_buff* 1 in 1");
  assert.equal(found("int int int int int skb", "large"), "sk_buff* 6 listed 7");
});

Deno.test("packet() takes the first packet in a register, ahead of one on the stack", () => {
  assert.equal(found("int pkt skb"), "vr_packet* 2 in 2");
  // Nothing behind a pointer on the stack can be in a register, so the first is the one.
  assert.equal(found("int int int int int int skb pkt"), "sk_buff* 7 listed 7");
});

Deno.test("packet() finds the types of the base in split BTF", () => {
  const writer = new BtfWriter();
  const known = types(writer);
  const shared = writer.prototype([["skb", known["skb"] as number]]);
  const module = new BtfWriter(writer);
  const own = module.prototype([["i", known["int"] as number], ["skb", known["skb"] as number]]);
  const none = module.prototype([["", 0]]);
  const base = Btf.parse(writer.bytes());
  const prototypes = new Prototypes(Btf.parse(module.bytes(), base), new Prototypes(base));
  assert.equal(describe(prototypes.packet(shared)), "sk_buff* 1 in 1");
  assert.equal(describe(prototypes.packet(own)), "sk_buff* 2 in 2");
  assert.equal(prototypes.packet(none), null);
});

Deno.test("packet() finds pointers that stand ahead of what they point to", () => {
  const writer = new BtfWriter();
  // const (sk_buff *) *: each type refers to the next one, and the prototype stands first.
  const prototype = writer.prototype([["pskb", 2]]);
  writer.pointer(3);
  writer.const(4);
  writer.typedef("skb_ptr", 5);
  writer.pointer(6);
  writer.struct("sk_buff", 232);
  const found = new Prototypes(Btf.parse(writer.bytes())).packet(prototype);
  assert.equal(describe(found), "sk_buff** 1 in 1");
});

Deno.test("packetFunctions() gives the functions that take a packet, of the module alone", () => {
  const writer = new BtfWriter();
  const known = types(writer);
  const [skb, int] = [["skb", known["skb"] as number], ["i", known["int"] as number]] as const;
  const first = writer.func("ip_rcv", [skb]);
  writer.func("fib_lookup", [int]);
  const module = new BtfWriter(writer);
  // The prototype of a function of the kernel, as deduplication leaves it.
  const second = module.add("tun_rx", 12, first - 1);
  const third = module.func("tun_put", [int, skb]);
  module.func("tun_open", [int]);
  const base = Btf.parse(writer.bytes());
  const kernel = new Prototypes(base);
  assert.deepEqual(kernel.packetFunctions(), [first]);
  const split = new Prototypes(Btf.parse(module.bytes(), base), kernel);
  assert.deepEqual(split.packetFunctions(), [second, third]);
});

Deno.test("namesakes() gives the names of functions without packet that were asked for", () => {
  const writer = new BtfWriter();
  const skb = writer.pointer(writer.struct("sk_buff", 232));
  writer.func("both", [["skb", skb]]);
  writer.func("both", []);
  writer.func("other", []);
  const prototypes = new Prototypes(Btf.parse(writer.bytes()));
  const both = writer.string("both");
  const asked = new Map([[both, null], [writer.string("missing"), null]]);
  assert.deepEqual(prototypes.namesakes(asked), [both]);
  assert.deepEqual(prototypes.namesakes(new Map()), []);
});

Deno.test("what is no prototype is rejected", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  writer.add("f", 12, int);
  const prototypes = new Prototypes(Btf.parse(writer.bytes()));
  assert.throws(() => prototypes.packet(int), BtfError);
  assert.throws(() => prototypes.packetFunctions(), BtfError);

  const kernel = new BtfWriter();
  const real = kernel.prototype([["skb", kernel.pointer(kernel.struct("sk_buff", 232))]]);
  const module = new BtfWriter(kernel);
  module.add("f", 12, module.typedef("rx_t", real));
  const base = Btf.parse(kernel.bytes());
  const split = new Prototypes(Btf.parse(module.bytes(), base), new Prototypes(base));
  assert.throws(() => split.packetFunctions(), BtfError);
});

Deno.test("references beyond the last type are rejected", () => {
  const pointer = new BtfWriter();
  pointer.pointer(99);
  assert.throws(() => new Prototypes(Btf.parse(pointer.bytes())), /no type 99/);
  const prototype = new BtfWriter();
  prototype.prototype([["", 99]]);
  assert.throws(() => new Prototypes(Btf.parse(prototype.bytes())), /no type 99/);
  const func = new BtfWriter();
  func.add("f", 12, 99);
  const prototypes = new Prototypes(Btf.parse(func.bytes()));
  assert.throws(() => prototypes.packetFunctions(), BtfError);
});

Deno.test("pointers and modifiers that lead to themselves are no packets", () => {
  const writer = new BtfWriter();
  const self = writer.pointer(1);
  const const1 = writer.const(3);
  const const2 = writer.const(2);
  const prototype = writer.prototype([["", self], ["", const1], ["", const2]]);
  assert.equal(new Prototypes(Btf.parse(writer.bytes())).packet(prototype), null);
});

Deno.test("a chain of modifiers against the order of types ends, or is rejected", () => {
  const chain = (length: number): Btf => {
    const writer = new BtfWriter();
    for (let id = 1; id <= length; id++) writer.const(id + 1);
    writer.struct("sk_buff", 232);
    return Btf.parse(writer.bytes());
  };
  new Prototypes(chain(60));
  assert.throws(() => new Prototypes(chain(70)), BtfError);
});
