import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { discover, type Discovery, type DiscoveryInput } from "../../src/kernel/functions.ts";
import { BtfWriter } from "../support/btf_writer.ts";
import { isFailure } from "../support/failures.ts";

/** A kernel whose functions of these names take `(struct sk_buff *skb)`. */
function kernel(...names: string[]): { writer: BtfWriter; skb: number } {
  const writer = new BtfWriter();
  const skb = writer.pointer(writer.struct("sk_buff", 232));
  for (const name of names) writer.func(name, [["skb", skb]]);
  return { writer, skb };
}

/** kallsyms of these names, 16 bytes apart; `name module` for those of modules. */
function kallsyms(...names: string[]): Uint8Array {
  const lines = names.map((entry, index) => {
    const [name, module] = entry.split(" ");
    const suffix = module === undefined ? "" : `\t[${module}]`;
    return `${(0xffffffff81000000n + 16n * BigInt(index)).toString(16)} t ${name}${suffix}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}

/** available_filter_functions of these names; `name module` for those of modules. */
function filterFunctions(...names: string[]): Uint8Array {
  const lines = names.map((entry) => entry.replace(/ (.*)/, " [$1]"));
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

function run(writer: BtfWriter, input: Partial<DiscoveryInput> = {}): Discovery {
  return discover({
    modules: [{ module: "vmlinux", btf: Btf.parse(writer.bytes()) }],
    leftOut: [],
    kallsyms: null,
    filterFunctions: null,
    functions: [],
    excludes: [],
    ...input,
  });
}

/** What is traced, as `module:name`. */
function traced({ functions }: Discovery): string[] {
  return functions.map(({ module, name }) => `${module}:${name}`);
}

/** Why each name is skipped. */
function reasons({ skipped }: Discovery): Record<string, string> {
  return Object.fromEntries(skipped.map(({ name, reason }) => [name, reason]));
}

Deno.test("discover() takes a function once that has two names", () => {
  const { writer } = kernel("ip_rcv", "ip_receive");
  const names = ["ip_rcv", "ip_receive"];
  const aliases = "ffffffff81000000 T ip_rcv\nffffffff81000000 t ip_receive\n";
  for (const filter of [null, filterFunctions(...names)]) {
    const found = run(writer, {
      kallsyms: new TextEncoder().encode(aliases),
      filterFunctions: filter,
    });
    assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
    assert.deepEqual(reasons(found), { ip_receive: "another name of ip_rcv" });
  }
  // Where addresses are hidden, nobody can tell.
  const hidden = new TextEncoder().encode(aliases.replaceAll("ffffffff81000000", "0".repeat(16)));
  assert.equal(run(writer, { kallsyms: hidden }).functions.length, 2);
});

Deno.test("discover() gives each function that takes a packet, with its address", () => {
  const { writer, skb } = kernel("ip_rcv");
  writer.func("fib_lookup", [["net", writer.int("int", 4)]]);
  writer.func("br_handle_frame", [["i", 0], ["pskb", writer.pointer(skb)]]);
  const names = ["fib_lookup", "br_handle_frame", "ip_rcv"];
  const found = run(writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions(...names),
  });
  const { trampoline } = found.functions[1]!;
  assert.equal(typeof trampoline, "number");
  assert.deepEqual(found, {
    functions: [
      {
        name: "br_handle_frame",
        module: "vmlinux",
        trampoline: "it has variable arguments",
        struct: "sk_buff",
        position: 2,
        argument: 1,
        indirection: 2,
        address: 0xffffffff81000010n,
      },
      {
        name: "ip_rcv",
        module: "vmlinux",
        trampoline,
        struct: "sk_buff",
        position: 1,
        argument: 1,
        indirection: 1,
        address: 0xffffffff81000020n,
      },
    ],
    also: [],
    skipped: [],
    leftOut: [],
    addressesKnown: true,
    traceabilityKnown: true,
  });
});

Deno.test("discover() finds functions of the kernel whatever the globs say, apart from the others", () => {
  const { writer } = kernel("ip_rcv", "kfree_skbmem", "skb_clone", "skb_copy");
  const names = ["ip_rcv", "kfree_skbmem", "skb_clone", "skb_copy"];
  const { functions, also, skipped } = run(writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions("ip_rcv", "kfree_skbmem", "skb_clone"),
    functions: ["ip_*", "skb_cl*"],
    excludes: ["skb_cl?ne"],
    // The last one cannot be traced, and another one does not exist.
    also: ["ip_rcv", "kfree_skbmem", "skb_clone", "skb_copy", "skb_segment"],
  });
  assert.deepEqual(functions.map(({ name }) => name), ["ip_rcv"]);
  assert.deepEqual(also.map(({ name }) => name), ["kfree_skbmem", "skb_clone"]);
  assert.deepEqual(skipped, []);
});

Deno.test("discover() takes no function of a module for one of the kernel", () => {
  const { writer, skb } = kernel("ip_rcv");
  const module = new BtfWriter(writer);
  module.func("skb_clone", [["skb", skb]]);
  const btf = Btf.parse(writer.bytes());
  const modules = [
    { module: "bridge", btf: Btf.parse(module.bytes(), btf) },
    { module: "vmlinux", btf },
  ];
  const names = ["ip_rcv", "skb_clone bridge"];
  const lists = { kallsyms: kallsyms(...names), filterFunctions: filterFunctions(...names) };
  const { functions, also } = run(writer, {
    ...lists,
    modules,
    functions: ["ip_*"],
    also: ["skb_clone"],
  });
  assert.deepEqual(functions.map(({ name }) => name), ["ip_rcv"]);
  assert.deepEqual(also, []);
});

Deno.test("discover() lists functions from BTF alone where nothing else can be read", () => {
  const found = run(kernel("ip_rcv", "ip6_rcv").writer);
  assert.deepEqual(traced(found), ["vmlinux:ip6_rcv", "vmlinux:ip_rcv"]);
  assert.deepEqual(found.functions.map(({ address }) => address), [null, null]);
  assert.equal(found.addressesKnown, false);
  assert.equal(found.traceabilityKnown, false);
});

Deno.test("discover() fills in addresses also where traceability is unknown", () => {
  const found = run(kernel("add_grec", "ip6_rcv", "ip_rcv").writer, {
    kallsyms: kallsyms("ip_rcv", "add_grec", "add_grec"),
  });
  assert.deepEqual(
    found.functions.map(({ name, address }) => [name, address]),
    [["add_grec", null], ["ip6_rcv", null], ["ip_rcv", 0xffffffff81000000n]],
  );
  assert.equal(found.addressesKnown, true);
  assert.equal(found.traceabilityKnown, false);
});

Deno.test("discover() knows traceability but no address where kallsyms is hidden or unreadable", () => {
  const hidden = new TextEncoder().encode("0000000000000000 t ip_rcv\n");
  for (const list of [hidden, null]) {
    const found = run(kernel("ip_rcv", "ip6_rcv").writer, {
      kallsyms: list,
      filterFunctions: filterFunctions("ip_rcv"),
    });
    assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
    assert.equal(found.functions[0]?.address, null);
    assert.equal(found.addressesKnown, false);
    assert.equal(found.traceabilityKnown, true);
    assert.deepEqual(Object.keys(reasons(found)), ["ip6_rcv"]);
  }
});

Deno.test("discover() skips functions that ftrace cannot trace", () => {
  const found = run(kernel("nla_put", "ip_rcv").writer, {
    kallsyms: kallsyms("nla_put", "ip_rcv"),
    filterFunctions: filterFunctions("ip_rcv", "nla_put vrouter", "nla_put_64bit"),
  });
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
  assert.deepEqual(reasons(found), { nla_put: "not traceable by ftrace" });
});

Deno.test("discover() skips functions that were inlined everywhere", () => {
  const found = run(kernel("skb_pull").writer, {
    kallsyms: kallsyms("skb_pull_rcsum", "skb_pull vrouter", "skb_pull.cold"),
    filterFunctions: filterFunctions("skb_pull_rcsum"),
  });
  assert.deepEqual(reasons(found), { skb_pull: "inlined: no symbol" });
});

Deno.test("discover() skips functions that were compiled with other arguments", () => {
  const variants = ["a.isra.0", "b.constprop.0", "c.part.0", "d.cold", "d.constprop.0.isra.0"];
  const found = run(kernel("a", "b", "c", "d").writer, {
    kallsyms: kallsyms(...variants),
    filterFunctions: filterFunctions(...variants),
  });
  assert.deepEqual(traced(found), []);
  assert.deepEqual(reasons(found), {
    a: "compiled as a.isra.0: its arguments may have changed",
    b: "compiled as b.constprop.0: its arguments may have changed",
    c: "compiled as c.part.0: its arguments may have changed",
    d: "compiled as d.constprop.0.isra.0: its arguments may have changed",
  });
});

Deno.test("discover() traces a function of which a part was split off", () => {
  const names = ["ip_rcv", "ip_rcv.part.0", "ip_rcv.cold"];
  const found = run(kernel("ip_rcv").writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions(...names),
  });
  assert.deepEqual(found.functions.map(({ address }) => address), [0xffffffff81000000n]);
  assert.deepEqual(found.skipped, []);
});

Deno.test("discover() skips a name that stands for several symbols", () => {
  const names = ["add_grec", "ip_rcv", "add_grec"];
  const all = run(kernel("add_grec", "ip_rcv").writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions(...names),
  });
  assert.deepEqual(traced(all), ["vmlinux:ip_rcv"]);
  const reason = "2 symbols of this name: unknown which one takes the packet";
  assert.deepEqual(reasons(all), { add_grec: reason });
  // One of them traceable: it may be the one without a packet.
  const one = run(kernel("add_grec").writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions("add_grec"),
  });
  assert.deepEqual(reasons(one), { add_grec: reason });
  // kallsyms is unreadable, and ftrace knows two.
  const unlisted = run(kernel("add_grec").writer, {
    filterFunctions: filterFunctions("add_grec", "add_grec"),
  });
  assert.deepEqual(reasons(unlisted), { add_grec: reason });
});

Deno.test("discover() takes two symbols at one address for one function", () => {
  const line = "ffffffff81000000 t ip_rcv\n";
  const found = run(kernel("ip_rcv").writer, {
    kallsyms: new TextEncoder().encode(line + line),
    filterFunctions: filterFunctions("ip_rcv"),
  });
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
});

Deno.test("discover() traces one name in several modules, each at its address", () => {
  const { writer, skb } = kernel("handle");
  const module = new BtfWriter(writer);
  module.func("handle", [["i", 0], ["skb", skb]]);
  const names = ["handle", "handle bridge"];
  const btf = Btf.parse(writer.bytes());
  const found = run(writer, {
    modules: [
      { module: "bridge", btf: Btf.parse(module.bytes(), btf) },
      { module: "vmlinux", btf },
    ],
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions(...names),
  });
  assert.deepEqual(
    found.functions.map(({ module, position, address }) => [module, position, address]),
    [["vmlinux", 1, 0xffffffff81000000n], ["bridge", 2, 0xffffffff81000010n]],
  );
});

Deno.test("discover() skips a name with several prototypes, unless the packet is at one place", () => {
  const { writer, skb } = kernel("same", "moved", "gone");
  const int = writer.int("int", 4);
  writer.func("same", [["buffer", skb], ["type", int]]);
  writer.func("moved", [["type", int], ["skb", skb]]);
  writer.func("gone", [["type", int]]);
  writer.func("new", []);
  writer.func("new", [["skb", skb]]);
  const names = ["same", "moved", "gone", "new"];
  const found = run(writer, {
    kallsyms: kallsyms(...names),
    filterFunctions: filterFunctions(...names),
  });
  assert.deepEqual(traced(found), ["vmlinux:same"]);
  const reason = "several prototypes of this name: unknown which one was compiled";
  assert.deepEqual(reasons(found), { moved: reason, gone: reason, new: reason });
});

Deno.test("discover() leaves packets on the stack to trampolines", () => {
  const { writer, skb } = kernel();
  const int = writer.int("int", 4);
  const ints = (count: number): (readonly [string, number])[] =>
    Array.from({ length: count }, () => ["", int] as const);
  writer.func("rt_fill_info", [...ints(6), ["skb", skb]]);
  writer.func("tcf_fill_node", [...ints(12), ["skb", skb]]);
  const where = "arrives on the stack";
  const tcf_fill_node =
    `parameter 13 ${where}, and it cannot have a trampoline: it has 13 parameters`;
  assert.deepEqual(reasons(run(writer)), {
    rt_fill_info: `parameter 7 ${where}, which only trampolines reach`,
    tcf_fill_node,
  });
  const found = run(writer, { trampolines: true });
  assert.deepEqual(traced(found), ["vmlinux:rt_fill_info"]);
  assert.equal(found.functions[0]!.argument, 7);
  assert.deepEqual(reasons(found), { tcf_fill_node });
});

Deno.test("discover() skips what must not be traced, also when a glob names it", () => {
  const found = run(kernel("rcu_note_packet", "ip_rcv").writer, { functions: ["rcu_*", "ip*"] });
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
  assert.match(reasons(found)["rcu_note_packet"] ?? "", /^denied: /);
});

Deno.test("discover() tells a module that is not loaded from one without the symbol", () => {
  const { writer, skb } = kernel("ip_rcv");
  const module = new BtfWriter(writer);
  module.func("vr_trap", [["skb", skb]]);
  const btf = Btf.parse(writer.bytes());
  const modules = [
    { module: "vmlinux", btf },
    { module: "vrouter", btf: Btf.parse(module.bytes(), btf) },
  ];
  const found = run(writer, {
    modules,
    kallsyms: kallsyms("ip_rcv"),
    filterFunctions: filterFunctions("ip_rcv"),
  });
  assert.deepEqual(reasons(found), { vr_trap: "module vrouter is not loaded" });

  const loaded = run(writer, {
    modules,
    kallsyms: kallsyms("ip_rcv", "vr_init vrouter"),
    filterFunctions: filterFunctions("ip_rcv"),
  });
  assert.equal(reasons(loaded)["vr_trap"], "inlined: no symbol");
  const unlisted = run(writer, { modules, filterFunctions: filterFunctions("vr_trap vrouter") });
  assert.deepEqual(traced(unlisted), ["vrouter:vr_trap"]);
});

Deno.test("globs choose, and what they leave out is not skipped but absent", () => {
  const { writer, skb } = kernel("ip_rcv", "ip_rcv_finish", "ip6_rcv", "tcp_v4_rcv");
  writer.func("ip_stack", [...Array(6).fill(["", writer.int("int", 4)]), ["skb", skb]]);
  const found = run(writer, { functions: ["ip_*", "tcp_*"], excludes: ["*_finish", "ip_stack"] });
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv", "vmlinux:tcp_v4_rcv"]);
  assert.deepEqual(found.skipped, []);
});

Deno.test("functions come sorted: vmlinux first, then by module, then by name", () => {
  const { writer, skb } = kernel("z", "a", "B", "_a");
  const btf = Btf.parse(writer.bytes());
  const module = (name: string): { module: string; btf: Btf } => {
    const split = new BtfWriter(writer);
    split.func("y", [["skb", skb]]);
    split.func("a", [["skb", skb]]);
    return { module: name, btf: Btf.parse(split.bytes(), btf) };
  };
  const modules = [module("zram"), module("bridge"), { module: "vmlinux", btf }];
  assert.deepEqual(traced(run(writer, { modules })), [
    "vmlinux:B",
    "vmlinux:_a",
    "vmlinux:a",
    "vmlinux:z",
    "bridge:a",
    "bridge:y",
    "zram:a",
    "zram:y",
  ]);
});

Deno.test("discover() names the BTF that it cannot do without, where that is damaged", () => {
  const { writer } = kernel();
  writer.add("ip_rcv", 12, 1);
  for (const module of ["vmlinux", "vrouter"]) {
    const modules = [{ module, btf: Btf.parse(writer.bytes()) }];
    const message = new RegExp(`^Cannot use the BTF of ${module}: `);
    assert.throws(() => run(writer, { modules }), isFailure("btf", message));
  }
});

Deno.test("discover() leaves out other modules whose BTF is damaged, besides those that were", () => {
  const { writer, skb } = kernel("ip_rcv");
  const base = Btf.parse(writer.bytes());
  const damaged = new BtfWriter(writer);
  damaged.func("tun_xmit", [["skb", skb]]);
  damaged.add("tun_rx", 12, skb);
  const whole = new BtfWriter(writer);
  whole.func("veth_xmit", [["skb", skb]]);
  const modules = [
    { module: "vmlinux", btf: base },
    { module: "tun", btf: Btf.parse(damaged.bytes(), base) },
    { module: "veth", btf: Btf.parse(whole.bytes(), base) },
  ];
  const unread = { module: "bridge", reason: "Truncated" };
  const found = run(writer, { modules, leftOut: [unread] });
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv", "veth:veth_xmit"]);
  assert.deepEqual(found.leftOut, [
    unread,
    { module: "tun", reason: `Type ${skb} is used as a prototype but is not one` },
  ]);
});

Deno.test("discover() rejects function names that a terminal would act on", () => {
  for (const name of ["\x1b[2J", "a b", "a\nb", ""]) {
    assert.throws(() => run(kernel(name).writer), isFailure("btf"));
  }
});

Deno.test("discover() names each function of vrouter that BTF does not describe", () => {
  const { writer, skb } = kernel("ip_rcv");
  const base = Btf.parse(writer.bytes());
  const module = new BtfWriter(writer);
  module.func("nh_output", [["skb", skb]]);
  module.func("vr_htable_init", []);
  const modules = [
    { module: "vmlinux", btf: base },
    { module: "vrouter", btf: Btf.parse(module.bytes(), base) },
  ];
  const symbols = kallsyms(
    "ip_rcv",
    "ip_undescribed",
    "veth_undescribed veth",
    "nh_output vrouter",
    "nh_output.cold vrouter",
    "nh_output.part.0 vrouter",
    "vr_htable_init vrouter",
    "lh_rps_process.isra.0 vrouter",
    "lh_rps_process.isra.0.cold vrouter",
    "__pfx_lh_rps_process.isra.0 vrouter",
    "vr_undescribed vrouter",
    "vr_undescribed vrouter",
    "init_module vrouter",
    "cleanup_module vrouter",
  );
  const lists = {
    modules,
    kallsyms: symbols,
    filterFunctions: filterFunctions("ip_rcv", "nh_output vrouter"),
  };
  const found = run(writer, lists);
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv", "vrouter:nh_output"]);
  assert.deepEqual(found.skipped, [
    {
      name: "lh_rps_process.isra.0",
      module: "vrouter",
      reason: "not in BTF: the compiler has changed its parameters",
    },
    {
      name: "vr_undescribed",
      module: "vrouter",
      reason: "not in BTF: unknown whether it takes a packet",
    },
  ]);
  const names = (globs: Partial<DiscoveryInput>): string[] =>
    Object.keys(reasons(run(writer, { ...lists, ...globs })));
  assert.deepEqual(names({ functions: ["lh_rps_process"] }), ["lh_rps_process.isra.0"]);
  assert.deepEqual(names({ functions: ["*.isra.*"] }), ["lh_rps_process.isra.0"]);
  assert.deepEqual(names({ excludes: ["*.isra.*"] }), ["vr_undescribed"]);
  assert.deepEqual(names({ excludes: ["lh_rps_process"] }), ["vr_undescribed"]);
  // Without vrouter's BTF a trace has nothing of vrouter.
  assert.deepEqual(names({ modules: modules.slice(0, 1) }), []);
  assert.deepEqual(names({ kallsyms: null }), []);
});

Deno.test("what BTF does not describe is sorted in among what else is skipped", () => {
  const { writer, skb } = kernel("ip_rcv");
  const base = Btf.parse(writer.bytes());
  const module = (name: string, ...functions: string[]): { module: string; btf: Btf } => {
    const split = new BtfWriter(writer);
    for (const one of functions) split.func(one, [["skb", skb]]);
    return { module: name, btf: Btf.parse(split.bytes(), base) };
  };
  const found = run(writer, {
    modules: [
      { module: "vmlinux", btf: base },
      module("vxlan", "vxlan_rcv"),
      module("vrouter", "a_inlined", "z_inlined"),
    ],
    kallsyms: kallsyms("m.isra.0 vrouter", "vxlan_init vxlan"),
    filterFunctions: filterFunctions("other"),
  });
  const order = found.skipped.map(({ name }) => name);
  assert.deepEqual(order, ["ip_rcv", "a_inlined", "m.isra.0", "z_inlined", "vxlan_rcv"]);
});

Deno.test("discover() finds those alone that it is to look for, as it finds them among all", () => {
  const { writer, skb } = kernel("ip_rcv", "ip_local_deliver", "kfree_skb");
  // Another function of the name: it is unknown which of them takes the packet.
  writer.func("kfree_skb", [["net", writer.int("int", 4)], ["skb", skb]]);
  const names = ["ip_rcv", "kfree_skb"];
  const whole = run(writer, { functions: ["ip_rcv"], also: ["kfree_skb"] });
  const found = run(writer, { functions: ["ip_rcv"], also: ["kfree_skb"], only: new Set(names) });
  assert.deepEqual(found, whole);
  assert.deepEqual(traced(found), ["vmlinux:ip_rcv"]);
  assert.deepEqual(traced(run(writer, { only: new Set(names) })), ["vmlinux:ip_rcv"]);
  assert.equal(traced(run(writer)).length, 2);
});
