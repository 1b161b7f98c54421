import assert from "node:assert/strict";
import { Btf, BtfError, KIND_FUNC, KIND_STRUCT } from "../../src/kernel/btf.ts";
import { BtfWriter, elfFile, type Member } from "../support/btf_writer.ts";
import { isFailure } from "../support/failures.ts";

/** Fails unless `make` throws a {@linkcode BtfError} with a message like `message`. */
function rejects(make: () => unknown, message: RegExp): void {
  assert.throws(make, (error) => error instanceof BtfError && isFailure("btf", message)(error));
}

/** A kernel with one function, whose id is returned too. */
function smallKernel(): { writer: BtfWriter; func: number } {
  const writer = new BtfWriter();
  const skb = writer.pointer(writer.struct("sk_buff", 232, [["len", writer.int("int", 4), 896]]));
  return { writer, func: writer.func("ip_rcv", [["skb", skb]]) };
}

Deno.test("Btf.parse() finds the type behind each kind of type", () => {
  const kinds: ((writer: BtfWriter) => number)[] = [
    (writer) => writer.int("int", 4),
    (writer) => writer.pointer(0),
    (writer) => writer.array(0, 3),
    (writer) => writer.struct("s", 8, [["a", 0, 0], ["b", 0, 32]]),
    (writer) => writer.union("u", 8, [["a", 0, 0], ["b", 0, 0]]),
    (writer) => writer.enum("e", { a: 0, b: 1, c: 2 }),
    (writer) => writer.forward("f"),
    (writer) => writer.typedef("t", 0),
    (writer) => writer.volatile(0),
    (writer) => writer.const(0),
    (writer) => writer.restrict(0),
    (writer) => writer.func("g", [["a", 0], ["b", 0]]),
    (writer) => writer.prototype([["a", 0], ["b", 0], ["c", 0]]),
    (writer) => writer.variable("v", 0),
    (writer) => writer.section(".data", [1, 2]),
    (writer) => writer.float("double", 8),
    (writer) => writer.declarationTag("kfunc", 1),
    (writer) => writer.typeTag("rcu", 0),
    (writer) => writer.enum64("e", { a: 0n, b: 1n << 40n }),
  ];
  kinds.forEach((add, index) => {
    const writer = new BtfWriter();
    const id = add(writer);
    const behind = writer.struct("behind", 24);
    const btf = Btf.parse(writer.bytes());
    // A function is there as its prototype and itself, of which it returns the latter.
    assert.equal(btf.kind(id), index + 1);
    assert.equal(btf.kind(behind), KIND_STRUCT);
    assert.equal(btf.name(behind), "behind");
    assert.equal(btf.endId, behind + 1);
  });
});

Deno.test("Btf reads names, references, counts and parameters", () => {
  const { writer, func } = smallKernel();
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.kind(func), KIND_FUNC);
  assert.equal(btf.name(func), "ip_rcv");
  const prototype = btf.target(func);
  assert.equal(btf.count(prototype), 1);
  const skb = btf.target(btf.parameter(prototype, 0));
  assert.equal(btf.name(skb), "sk_buff");
  assert.equal(btf.size(skb), 232);
  assert.ok(btf.isNamed(skb, new TextEncoder().encode("sk_buff")));
  assert.ok(!btf.isNamed(skb, new TextEncoder().encode("sk_buf")));
  assert.ok(!btf.isNamed(skb, new TextEncoder().encode("sk_buff_head")));
});

Deno.test("resolve() goes through typedefs and every modifier", () => {
  const writer = new BtfWriter();
  const struct = writer.struct("sk_buff", 232);
  const tagged = writer.typeTag("rcu", writer.restrict(writer.volatile(writer.const(struct))));
  const named = writer.typedef("b", writer.typedef("a", tagged));
  assert.equal(Btf.parse(writer.bytes()).resolve(named), struct);
});

Deno.test("resolve() rejects a typedef that leads to itself", () => {
  const writer = new BtfWriter();
  writer.typedef("a", 2);
  writer.typedef("b", 1);
  rejects(() => Btf.parse(writer.bytes()).resolve(1), /loop/);
});

Deno.test("references beyond the last type are rejected when they are followed", () => {
  const writer = new BtfWriter();
  const btf = Btf.parse((writer.typedef("a", 99), writer.bytes()));
  rejects(() => btf.resolve(1), /no type 99: the last one is 1/);
});

Deno.test("a name longer than the kernel's is rejected when it is read", () => {
  const writer = new BtfWriter();
  const fits = writer.struct("a".repeat(511), 8);
  const long = writer.struct("a".repeat(512), 8);
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.name(fits).length, 511);
  rejects(() => btf.name(long), /longer than 512/);
});

Deno.test("parameterCount() counts the parameters of a function, its own or of the base", () => {
  const kernel = new BtfWriter();
  kernel.func("bpf_session_cookie", []);
  kernel.func("ip_rcv", [["skb", 0], ["dev", 0]]);
  // Not a function.
  kernel.typedef("skb_t", 0);
  const base = Btf.parse(kernel.bytes());
  const module = new BtfWriter(kernel);
  module.func("vm_rx", [["skb", 0]]);
  const split = Btf.parse(module.bytes(), base);
  const names = ["bpf_session_cookie", "ip_rcv", "vm_rx", "skb_t", "none"];
  assert.deepEqual(names.map((name) => split.parameterCount(name)), [
    0,
    2,
    1,
    undefined,
    undefined,
  ]);
  assert.equal(base.parameterCount("vm_rx"), undefined);
});

Deno.test("memberOffset() finds members, also inside unnamed structs and unions", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  const inner = writer.struct("", 8, [["next", int, 0], ["dev", int, 32]]);
  const union = writer.union("", 8, [["", writer.const(inner), 0], ["rbnode", int, 0]]);
  writer.struct("sk_buff", 24, [["", union, 0], ["cb", int, 64], ["", union, 128]]);
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.memberOffset("sk_buff", "next"), 0);
  assert.equal(btf.memberOffset("sk_buff", "dev"), 4);
  assert.equal(btf.memberOffset("sk_buff", "cb"), 8);
  assert.equal(btf.memberOffset("sk_buff", "rbnode"), 0);
  assert.equal(btf.memberOffset("sk_buff", "len"), undefined);
  assert.equal(btf.memberOffset("sk_buf", "cb"), undefined);
  assert.equal(btf.structSize("sk_buff"), 24);
  assert.equal(btf.structSize("vr_packet"), undefined);
});

Deno.test("memberOffset() does not look into members that have a name", () => {
  const writer = new BtfWriter();
  const inner = writer.struct("list_head", 8, [["next", 0, 0]]);
  writer.struct("sk_buff", 24, [["list", inner, 64]]);
  assert.equal(Btf.parse(writer.bytes()).memberOffset("sk_buff", "next"), undefined);
});

Deno.test("memberOffset() gives no offset of a bit field, and the right one behind it", () => {
  const writer = new BtfWriter();
  const byte = writer.int("unsigned char", 1);
  const members: Member[] = [
    ["vp_priority", byte, 4 << 24 | 336],
    ["vp_rx_pass", byte, 1 << 24 | 340],
    ["vp_queue", byte, 344],
  ];
  writer.struct("vr_packet", 48, members, true);
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.memberOffset("vr_packet", "vp_priority"), undefined);
  assert.equal(btf.memberOffset("vr_packet", "vp_rx_pass"), undefined);
  assert.equal(btf.memberOffset("vr_packet", "vp_queue"), 43);
});

Deno.test("memberOffset() takes the first of several structs that has the member", () => {
  const writer = new BtfWriter();
  writer.struct("vr_packet", 8, [["other", 0, 0]]);
  writer.struct("vr_packet", 48, [["vp_if", 0, 64]]);
  assert.equal(Btf.parse(writer.bytes()).memberOffset("vr_packet", "vp_if"), 8);
});

Deno.test("memberOffset() ends in a struct that contains itself", () => {
  const writer = new BtfWriter();
  writer.struct("loop", 8, [["", 2, 0]]);
  writer.struct("", 8, [["", 1, 0], ["", 2, 0]]);
  assert.equal(Btf.parse(writer.bytes()).memberOffset("loop", "a"), undefined);
});

Deno.test("memberOffset() searches each unnamed struct once, however they are nested", () => {
  const writer = new BtfWriter();
  // 2 to the power of 60 ways through, which no search would come to the end of.
  writer.struct("bomb", 8, [["", 2, 0]]);
  for (let id = 2; id < 62; id++) writer.struct("", 8, [["", id + 1, 0], ["", id + 1, 0]]);
  writer.struct("", 8, [["found", 0, 0]]);
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.memberOffset("bomb", "a"), undefined);
  assert.equal(btf.memberOffset("bomb", "found"), 0);
});

Deno.test("memberOffset() rejects unnamed structs nested thousands deep", () => {
  const writer = new BtfWriter();
  writer.struct("deep", 8, [["", 2, 0]]);
  for (let id = 2; id < 20_000; id++) writer.struct("", 8, [["", id + 1, 0]]);
  writer.struct("", 8);
  rejects(() => Btf.parse(writer.bytes()).memberOffset("deep", "a"), /nested too deeply/);
});

Deno.test("split BTF continues the type ids and strings of its base", () => {
  const { writer, func } = smallKernel();
  const module = new BtfWriter(writer);
  const packet = module.struct("vr_packet", 48, [["len", 1, 32]]);
  const base = Btf.parse(writer.bytes());
  const btf = Btf.parse(module.bytes(), base);
  assert.equal(btf.base, base);
  assert.equal(btf.firstId, base.endId);
  assert.equal(btf.name(packet), "vr_packet");
  assert.equal(btf.name(func), "ip_rcv");
  assert.equal(btf.kind(func), KIND_FUNC);
  assert.equal(btf.memberOffset("vr_packet", "len"), 4);
  assert.equal(btf.memberOffset("sk_buff", "len"), 112);
});

Deno.test("split BTF without strings of its own can be read", () => {
  const { writer } = smallKernel();
  const module = new BtfWriter(writer);
  const func = module.func("ip_rcv", []);
  assert.equal(Btf.parse(module.bytes(), Btf.parse(writer.bytes())).name(func), "ip_rcv");
});

Deno.test("standalone BTF is told from split BTF, and stands without the base", () => {
  const base = Btf.parse(smallKernel().writer.bytes());
  const module = new BtfWriter();
  module.struct("vr_packet", 48, [["vp_if", 0, 64]]);
  const btf = Btf.parse(module.bytes(), base);
  assert.equal(btf.base, undefined);
  assert.equal(btf.firstId, 1);
  assert.equal(btf.memberOffset("vr_packet", "vp_if"), 8);
});

Deno.test("split BTF whose strings start with an empty one is told by its names", () => {
  const { writer } = smallKernel();
  const module = new BtfWriter(writer);
  const packet = module.struct("vr_packet", 48);
  const bytes = module.bytes();
  // Put a NUL ahead of the strings, and move the one name behind it.
  const view = new DataView(bytes.buffer);
  const longer = Uint8Array.of(...bytes.subarray(0, 36), 0, ...bytes.subarray(36));
  const moved = new DataView(longer.buffer);
  moved.setUint32(20, view.getUint32(20, true) + 1, true);
  moved.setUint32(24, view.getUint32(24, true) + 1, true);
  const btf = Btf.parse(longer, Btf.parse(writer.bytes()));
  assert.equal(btf.firstId, packet);
  assert.equal(btf.name(packet), "vr_packet");
});

Deno.test("Btf.parse() rejects split BTF without a base", () => {
  const module = new BtfWriter(smallKernel().writer);
  module.struct("vr_packet", 48);
  rejects(() => Btf.parse(module.bytes()), /BTF of a module, which continues that of its kernel/);
});

Deno.test("Btf.parse() rejects split BTF over the BTF of another kernel", () => {
  const { writer } = smallKernel();
  const module = new BtfWriter(writer);
  module.struct("vr_packet", 48);
  const shorter = new BtfWriter();
  shorter.struct("sk_buff", 232);
  const longer = new BtfWriter();
  longer.struct("sk_buff", 232);
  longer.struct("of_another_version_of_the_kernel", 8);
  for (const other of [shorter, longer]) {
    rejects(() => Btf.parse(module.bytes(), Btf.parse(other.bytes())), /another kernel/);
  }
});

Deno.test("Btf.parse() reads the .BTF section of an ELF file", () => {
  const { writer, func } = smallKernel();
  const file = elfFile({ ".text": new Uint8Array(3), ".BTF": writer.bytes() });
  assert.equal(Btf.parse(file).name(func), "ip_rcv");
});

Deno.test("Btf.parse() reads a module's ELF file over the kernel, or over its own .BTF.base", () => {
  const { writer } = smallKernel();
  const module = new BtfWriter(writer);
  const packet = module.struct("vr_packet", 48);
  const kernel = Btf.parse(writer.bytes());
  const split = Btf.parse(elfFile({ ".BTF": module.bytes() }), kernel);
  assert.equal(split.base, kernel);
  assert.equal(split.name(packet), "vr_packet");
  const distilled = elfFile({ ".BTF": module.bytes(), ".BTF.base": writer.bytes() });
  assert.equal(Btf.parse(distilled).name(packet), "vr_packet");
  assert.notEqual(Btf.parse(distilled, kernel).base, kernel);
});

Deno.test("Btf.parse() rejects ELF files without BTF, of other machines, and cut ones", () => {
  const file = elfFile({ ".BTF": smallKernel().writer.bytes() });
  rejects(() => Btf.parse(elfFile({ ".text": new Uint8Array(8) })), /without a \.BTF section/);
  rejects(() => Btf.parse(file.with(4, 1)), /64-bit/);
  rejects(() => Btf.parse(file.with(5, 2)), /big-endian/);
  // A byte of sh_size of the last section, which holds the names.
  rejects(() => Btf.parse(file.with(file.length - 30, 1)), /exceeds the file/);
  for (let length = 4; length < file.length; length++) {
    assert.throws(() => Btf.parse(file.subarray(0, length)), BtfError, `${length} bytes`);
  }
});

Deno.test("Btf.parse() takes bytes at any alignment", () => {
  const { writer, func } = smallKernel();
  const bytes = writer.bytes();
  for (let shift = 0; shift < 4; shift++) {
    const buffer = new Uint8Array(bytes.length + shift);
    buffer.set(bytes, shift);
    assert.equal(Btf.parse(buffer.subarray(shift)).name(func), "ip_rcv");
  }
});

Deno.test("Btf.parse() rejects every cut of a file", () => {
  const bytes = smallKernel().writer.bytes();
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => Btf.parse(bytes.subarray(0, length)), BtfError, `${length} bytes`);
  }
});

Deno.test("Btf.parse() rejects what is not BTF, and says what is wrong with it", () => {
  const { writer } = smallKernel();
  const bytes = writer.bytes();
  const view = new DataView(bytes.buffer);
  const types = view.getUint32(12, true);
  const header = (values: Record<number, number>) => (): Btf => Btf.parse(writer.bytes(values));
  rejects(() => Btf.parse(new TextEncoder().encode("BTF? ".repeat(9))), /Neither BTF nor an ELF/);
  rejects(header({ 0: 0x00019feb }), /other byte order/);
  rejects(header({ 0: 0x0002eb9f }), /version 2/);
  rejects(header({ 4: 16 }), /invalid size/);
  rejects(header({ 4: 0xffffffff }), /invalid size/);
  rejects(header({ 8: 0xfffffffc }), /exceed/);
  rejects(header({ 20: 0xffffffff }), /exceed/);
  rejects(header({ 8: 2, 12: types - 4 }), /aligned/);
  rejects(header({ 16: types - 4 }), /overlap/);
  rejects(header({ 20: view.getUint32(20, true) - 1 }), /not terminated/);
});

Deno.test("Btf.parse() takes the strings ahead of the types, and a longer header", () => {
  const writer = new BtfWriter();
  writer.struct("sk_buff", 232);
  const [header, type, strings] = [24, 12, 9];
  const bytes = writer.bytes();
  const other = new Uint8Array(32 + 12 + type);
  other.set(bytes.subarray(0, header));
  other.set(bytes.subarray(header + type), 32);
  other.set(bytes.subarray(header, header + type), 32 + 12);
  const view = new DataView(other.buffer);
  [32, 12, type, 0, strings].forEach((word, index) => view.setUint32(4 + 4 * index, word, true));
  assert.equal(Btf.parse(other).structSize("sk_buff"), 232);
});

Deno.test("Btf.parse() names the kind that it does not know", () => {
  for (const kind of [0, 20, 31, 32, 127]) {
    const writer = new BtfWriter();
    writer.add("", kind, 0);
    rejects(() => Btf.parse(writer.bytes()), new RegExp(`unknown kind ${kind}$`));
  }
});

Deno.test("Btf.parse() rejects a count of members that does not fit", () => {
  const writer = new BtfWriter();
  writer.add("s", 4, 8, { count: 0xffff });
  rejects(() => Btf.parse(writer.bytes()), /kind 4 exceeds/);
  const reserved = new BtfWriter();
  reserved.add("s", 4, 8, { count: 1 << 16 });
  rejects(() => Btf.parse(reserved.bytes()), /kind 4 exceeds/);
});

Deno.test("a name beyond the strings is rejected when it is read", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  const bytes = writer.bytes();
  new DataView(bytes.buffer).setUint32(24, 5, true);
  const btf = Btf.parse(bytes);
  rejects(() => btf.name(int), /out of bounds/);
  assert.ok(!btf.isNamed(int, new Uint8Array()));
});

Deno.test("memberPlace() follows members that are structs, with the size of the last one", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  const byte = writer.typedef("u8", writer.int("unsigned char", 1));
  const list = writer.pointer(byte);
  const unnamed = writer.union("", 8, [["rtr_prefix", list, 0]]);
  const request = writer.typedef(
    "vr_route_req",
    writer.struct("_vr_route_req", 24, [["h_op", int, 0], ["", unnamed, 64], [
      "rtr_len",
      byte,
      128,
    ]]),
  );
  writer.struct("vr_route_req", 32, [["rtr_req", request, 64], ["rtr_nh", list, 0]]);
  writer.struct("bits", 4, [["few", int, 3 << 24], ["all", int, 0]], true);
  const btf = Btf.parse(writer.bytes());
  const place = (...path: string[]): unknown => btf.memberPlace("vr_route_req", ...path);
  assert.deepEqual(place("rtr_nh"), { offset: 0, bytes: 8 });
  assert.deepEqual(place("rtr_req"), { offset: 8, bytes: 24 });
  assert.deepEqual(place("rtr_req", "rtr_prefix"), { offset: 16, bytes: 8 });
  assert.deepEqual(place("rtr_req", "rtr_len"), { offset: 24, bytes: 1 });
  assert.equal(place("rtr_len"), undefined);
  assert.equal(place("rtr_nh", "rtr_len"), undefined);
  assert.equal(btf.memberPlace("bits", "few"), undefined);
  assert.equal(btf.memberPlace("none", "rtr_nh"), undefined);
});

Deno.test("enumNames() finds an enum by one of its values, and by its name", () => {
  const kernel = new BtfWriter();
  kernel.enum("skb_drop_reason", { NOT_DROPPED: 0, NO_SOCKET: 3 });
  kernel.enum("other", { NO_SOCKET: 7 });
  const module = new BtfWriter(kernel);
  module.enum("", { VP_DROP_INVALID: 0, VP_DROP_DISCARD: 1, VP_DROP_ALIAS: 1, VP_DROP_NONE: -1 });
  const btf = Btf.parse(module.bytes(), Btf.parse(kernel.bytes()));
  const vrouter = [[0, "VP_DROP_INVALID"], [1, "VP_DROP_DISCARD"], [-1, "VP_DROP_NONE"]];
  assert.deepEqual([...btf.enumNames("VP_DROP_DISCARD")!], vrouter);
  const reasons = [[0, "NOT_DROPPED"], [3, "NO_SOCKET"]];
  assert.deepEqual([...btf.enumNames("NO_SOCKET")!], reasons);
  assert.deepEqual([...btf.enumNames("NO_SOCKET", "other")!], [[7, "NO_SOCKET"]]);
  assert.equal(btf.enumNames("NO_SOCKET", "third"), undefined);
  assert.equal(btf.enumNames("VP_DROP"), undefined);
});

Deno.test("parameterCountOf() counts those of a pointer to functions", () => {
  const writer = new BtfWriter();
  const prototype = writer.prototype([["a", 0], ["b", 0], ["c", 0]]);
  writer.typedef("btf_trace_kfree_skb", writer.const(writer.pointer(prototype)));
  writer.typedef("prototype", prototype);
  const btf = Btf.parse(writer.bytes());
  assert.equal(btf.parameterCountOf("btf_trace_kfree_skb"), 3);
  assert.equal(btf.parameterCountOf("prototype"), undefined);
  assert.equal(btf.parameterCountOf("btf_trace_consume_skb"), undefined);
});

Deno.test("Btf.memberNames() lists the members of its own struct in their order", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  writer.union("request", 4, [["other", int, 0]]);
  writer.struct("request", 8, [["h_op", int, 0], ["rid", int, 32]]);
  writer.struct("empty", 0);
  const btf = Btf.parse(writer.bytes());
  assert.deepEqual(btf.memberNames("request"), ["h_op", "rid"]);
  assert.deepEqual(btf.memberNames("empty"), []);
  assert.deepEqual(btf.memberNames("reply"), []);
  assert.deepEqual(Btf.parse(new BtfWriter(writer).bytes(), btf).memberNames("request"), []);
});

Deno.test("Btf.variableId() finds its own variables by name, and nothing else of that name", () => {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  writer.struct("softnet_data", 4, [["processed", int, 0]]);
  const variable = writer.variable("softnet_data", int);
  const base = Btf.parse(writer.bytes());
  assert.equal(base.variableId("softnet_data"), variable);
  assert.equal(base.variableId("int"), undefined);
  assert.equal(
    Btf.parse(new BtfWriter(writer).bytes(), base).variableId("softnet_data"),
    undefined,
  );
});

Deno.test("names are found that are those of the base, begin alike, or end one another", () => {
  const base = new BtfWriter();
  const int = base.int("int", 4);
  base.struct("flow", 4, [["key", int, 0]]);
  base.func("flow_hash", [["key", int]]);
  const kernel = Btf.parse(base.bytes());
  const writer = new BtfWriter(base);
  writer.struct("flows", 8, [["key", int, 32]]);
  writer.struct("flow", 8, [["hash", int, 32]]);
  writer.func("flow_hash", [["key", int], ["seed", int]]);
  writer.func("flow_has", []);
  const module = Btf.parse(writer.bytes(), kernel);
  assert.equal(module.memberOffset("flow", "key"), 0);
  assert.equal(module.memberOffset("flow", "hash"), 4);
  assert.equal(module.structSize("flows"), 8);
  assert.equal(module.structSize("low"), undefined);
  assert.equal(module.structSize("flo"), undefined);
  assert.equal(module.parameterCount("flow_hash"), 2);
  assert.equal(kernel.parameterCount("flow_hash"), 1);
  assert.equal(module.functionId("flow_has"), module.functionId("flow_hash")! + 2);
});
