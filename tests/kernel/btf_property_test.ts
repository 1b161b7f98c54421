import assert from "node:assert/strict";
import { Btf, BtfError, KIND_FUNC_PROTO, MAX_BTF_BYTES } from "../../src/kernel/btf.ts";
import { elfSection } from "../../src/kernel/elf.ts";
import { requireFit } from "../../src/kernel/btf_fit.ts";
import { discover, type Discovery } from "../../src/kernel/functions.ts";
import { Failure } from "../../src/sys/failure.ts";
import { BtfWriter, elfFile } from "../support/btf_writer.ts";
import { builtObject } from "../support/built_object.ts";
import { attack } from "../support/hostile.ts";

/** One type of each kind at least, and functions that take packets in every way. */
function kernel(): BtfWriter {
  const writer = new BtfWriter();
  const int = writer.int("int", 4);
  const wide = writer.int("__int128", 16);
  const inner = writer.struct("", 16, [["next", int, 0], ["dev", int, 64]]);
  const union = writer.union("", 16, [["", inner, 0], ["rbnode", int, 0]]);
  const skb = writer.struct("sk_buff", 232, [["", union, 0], ["cb", int, 320]]);
  const pointer = writer.pointer(skb);
  const constant = writer.const(pointer);
  const volatile = writer.pointer(writer.volatile(writer.restrict(skb)));
  const named = writer.typedef("skb_t", writer.typeTag("user", constant));
  const packet = writer.pointer(writer.forward("vr_packet"));
  writer.array(int, 4);
  writer.enum("vp_drop", { VP_DROP_DISCARD: 1, VP_DROP_PULL: 2 });
  writer.enum64("flags", { HIGH: 1n << 40n });
  writer.float("double", 8);
  const variable = writer.variable("jiffies", int);
  writer.section(".data", [variable]);
  writer.declarationTag("bpf_kfunc", writer.func("ip_rcv", [["skb", pointer], ["n", int]]));
  writer.func("ip6_rcv", [["a", inner], ["w", wide], ["b", int], ["skb", named]], skb);
  writer.func("vr_flow_forward", [["pkt", packet], ["skb", writer.pointer(volatile)]]);
  writer.func("late", [..."abcdefg"].map((name) => [name, name === "g" ? constant : wide]));
  return writer;
}

/** BTF of a module over that of the kernel. */
function module(base: BtfWriter): Uint8Array<ArrayBuffer> {
  const writer = new BtfWriter(base);
  writer.struct("vr_packet", 48, [["", 4, 0], ["vp_if", 6, 128]]);
  writer.func("nh_output", [["nh", 6], ["pkt", writer.pointer(writer.typedef("p", 6))]]);
  return writer.bytes();
}

const KALLSYMS = new TextEncoder().encode(
  ["ip_rcv", "ip6_rcv", "vr_flow_forward", "nh_output"].map((name, index) =>
    `ffffffff8100000${index} t ${name}\n`
  ).join(""),
);

/** Does with BTF all that discovery does. */
function discoverIn(...modules: Btf[]): Discovery {
  const named = modules.map((btf, index) => ({ module: index === 0 ? "vmlinux" : "vrouter", btf }));
  const lists = { kallsyms: KALLSYMS, filterFunctions: null };
  return discover({ modules: named, leftOut: [], ...lists, functions: [], excludes: [] });
}

/** Runs what may meet damage; a BtfError is as good as a result. */
function unless<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    return undefined;
  }
}

/**
 * Follows every reference and name, and checks that what comes of them is within its bounds.
 *
 * @param bytes of the BTF and of its base
 */
function walk(btf: Btf, bytes: number): void {
  const { words, starts, structs, references, prototypes, functions } = btf.index;
  const own = btf.endId - btf.firstId;
  assert.ok(own <= bytes / 12 && starts.length === own && 4 * words.length <= bytes);
  assert.ok(structs.length + references.length + prototypes.length + functions.length <= own);
  const names = new Set<string>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    const type = unless(() => btf.resolve(id));
    assert.ok(type === undefined || type < btf.endId);
    const name = unless(() => btf.name(id));
    if (name !== undefined) names.add(name);
    if (btf.kind(id) !== KIND_FUNC_PROTO) continue;
    const count = btf.count(id);
    assert.ok(8 * count <= bytes);
    for (let index = 0; index < count; index++) {
      const parameter = btf.parameter(id, index);
      assert.ok(parameter >= 0 && parameter < 2 ** 32);
      unless(() => btf.resolve(parameter));
    }
  }
  const characters = [...names].reduce((sum, name) => sum + name.length, 0);
  assert.ok(characters <= bytes, `${characters} characters of names`);
  for (const member of ["cb", "dev", "vp_if", "missing"]) {
    for (const struct of ["sk_buff", "vr_packet"]) {
      const offset = unless(() => btf.memberOffset(struct, member));
      assert.ok(offset === undefined || Number.isInteger(offset));
    }
  }
  unless(() => btf.structSize("sk_buff"));
  unless(() => requireFit(btf));
}

/** Looks at a discovery for what cannot be. */
function check({ functions, skipped }: Discovery, modules: readonly Btf[]): void {
  const all = modules.reduce((sum, { index }) => sum + index.functions.length, 0);
  assert.ok(functions.length + skipped.length <= all);
  for (const { name, position, argument } of functions) {
    assert.match(name, /^[\w.$]{1,511}$/);
    assert.ok(position >= 1 && argument >= 1 && argument <= 6);
  }
}

Deno.test("damaged BTF is read or rejected with a reason, within its bounds", () => {
  const base = kernel();
  const split = module(base);
  const baseBtf = Btf.parse(base.bytes());
  const object = elfSection(builtObject("kprobe"), ".BTF")!;
  const others = base.bytes().length + split.length;
  const originals: { readonly bytes: Uint8Array; readonly parse: (bytes: Uint8Array) => Btf[] }[] =
    [
      { bytes: base.bytes(), parse: (bytes) => [Btf.parse(bytes)] },
      { bytes: base.bytes(), parse: (bytes) => [Btf.parse(bytes, baseBtf)] },
      { bytes: split, parse: (bytes) => [baseBtf, Btf.parse(bytes, baseBtf)] },
      {
        bytes: base.bytes(),
        parse: (bytes) => {
          const damaged = Btf.parse(bytes);
          return [damaged, Btf.parse(split, damaged)];
        },
      },
      { bytes: elfFile({ ".BTF": base.bytes() }), parse: (bytes) => [Btf.parse(bytes)] },
      {
        bytes: elfFile({ ".BTF": split, ".BTF.base": base.bytes() }),
        parse: (bytes) => [Btf.parse(bytes)],
      },
      { bytes: object, parse: (bytes) => [Btf.parse(bytes)] },
    ];
  attack({
    title: "BTF",
    seed: 0xb7f,
    originals: originals.map(({ bytes }) => bytes),
    use: (bytes, original, random) => {
      // Where types are not aligned, they are copied.
      const shift = random.int(4) === 0 ? 1 : 0;
      const shifted = new Uint8Array(shift + bytes.length);
      shifted.set(bytes, shift);
      const modules = originals[original]!.parse(shifted.subarray(shift));
      for (const btf of modules) if (btf !== baseBtf) walk(btf, bytes.length + others);
      check(discoverIn(...modules), modules);
    },
    rejects: (error) => error instanceof Failure && /^[A-Z]/.test(error.message),
  });
});

/** Counts what is read of `btf`: its methods' calls, and the elements of its index. */
function countReads(btf: Btf): { count: number } {
  const reads = { count: 0 };
  for (const name of METHODS) {
    const method = btf[name] as (...values: never[]) => unknown;
    const value = (...values: never[]): unknown => {
      reads.count++;
      return method.apply(btf, values);
    };
    Object.defineProperty(btf, name, { value });
  }
  const counted = (array: Uint32Array): Uint32Array =>
    new Proxy(array, {
      get: (target, key): unknown => {
        reads.count++;
        return Reflect.get(target, key, target);
      },
    });
  const arrays = Object.entries(btf.index).map(([name, array]) => [name, counted(array)]);
  Object.defineProperty(btf, "index", { value: Object.fromEntries(arrays) });
  return reads;
}

const METHODS = [
  ...["kind", "count", "flag", "target", "size", "parameter", "nameOffset", "name"] as const,
  ...["isNamed", "resolve", "element", "elements"] as const,
];

/** BTF that grows with a number, and what could do more than its share of work on it. */
const GROWING: readonly {
  readonly name: string;
  readonly write: (writer: BtfWriter, n: number) => void;
  readonly use: (btf: Btf) => void;
}[] = [
  {
    name: "functions that share a prototype of as many parameters",
    write: (writer, n): void => {
      let type = writer.pointer(writer.struct("sk_buff", 232));
      for (let step = 0; step < 60; step++) type = writer.const(type);
      const other = writer.struct("sk_buff_head", 24);
      const parameters = Array.from({ length: n }, () => ["", other] as const);
      const prototype = writer.prototype([...parameters, ["skb", type]]);
      for (let count = 0; count < n; count++) writer.add(`f${count}`, 12, prototype);
    },
    use: (btf) => discoverIn(btf),
  },
  {
    name: "structs of one name around the same large struct",
    write: (writer, n): void => {
      const int = writer.int("int", 4);
      const members = Array.from({ length: n }, () => ["", int, 0] as const);
      const large = writer.struct("", 8, members);
      for (let count = 0; count < n; count++) writer.struct("sk_buff", 8, [["", large, 0]]);
    },
    use: (btf) => btf.memberOffset("sk_buff", "missing"),
  },
  {
    name: "typedefs that lead to a packet against the order of the types",
    write: (writer, n): void => {
      const skb = n + 1;
      for (let id = 1; id <= n; id++) writer.typedef("t", Math.min(id + 1, skb));
      writer.struct("sk_buff", 232);
    },
    use: (btf) => assert.throws(() => discoverIn(btf), Failure),
  },
  {
    name: "typedefs that lead to each other, as parameters and members",
    write: (writer, n): void => {
      for (let id = 1; id <= n; id++) writer.typedef("t", id % n + 1);
      const skb = writer.pointer(writer.struct("sk_buff", 232, [["", 1, 0]]));
      for (let id = 1; id <= n; id++) writer.func("f", [["a", id], ["skb", skb]]);
    },
    use: (btf) => {
      for (let id = 1; id < btf.endId; id++) unless(() => btf.resolve(id));
      unless(() => btf.memberOffset("sk_buff", "missing"));
      assert.throws(() => discoverIn(btf), Failure);
    },
  },
  {
    name: "structs that each contain the one before twice",
    write: (writer, n): void => {
      let inner = writer.struct("", 8);
      for (let level = 0; level < n / 20; level++) {
        inner = writer.struct("", 8, [["", inner, 0], ["", inner, 0]]);
      }
      writer.struct("sk_buff", 8, [["", inner, 0]]);
    },
    use: (btf) => btf.memberOffset("sk_buff", "missing"),
  },
];

for (const { name, write, use } of GROWING) {
  Deno.test(`work on BTF grows with its size and not faster, with ${name}`, () => {
    const [small, , large] = [300, 600, 1200].map((n) => {
      const writer = new BtfWriter();
      write(writer, n);
      const btf = Btf.parse(writer.bytes());
      const reads = countReads(btf);
      use(btf);
      return reads.count;
    });
    assert.ok(small! > 0 && large! <= 4.5 * small!, `${small} reads for 300, ${large} for 1200`);
  });
}

Deno.test("work on the fit of split BTF grows with its size and not faster", () => {
  const base = kernel();
  const parsed = Btf.parse(base.bytes());
  const [small, large] = [300, 1200].map((n) => {
    const writer = new BtfWriter(base);
    let type = writer.int("long", 8);
    for (let step = 0; step < 60; step++) type = writer.const(type);
    for (let level = 0; level < 15; level++) type = writer.array(type, 1);
    writer.struct("s", 8, Array.from({ length: n }, () => ["m", type, 0] as const));
    for (let count = 0; count < n; count++) writer.func(`f${count}`, [["a", type]], type);
    const btf = Btf.parse(writer.bytes(), parsed);
    const reads = countReads(btf);
    unless(() => requireFit(btf));
    return reads.count;
  });
  assert.ok(small! > 0 && large! <= 4.5 * small!, `${small} reads for 300, ${large} for 1200`);
});

Deno.test("names of BTF are no longer than its strings, all together", () => {
  const writer = new BtfWriter();
  writer.struct("a".repeat(500), 8);
  // Each name is the end of the one before.
  const bytes = (writer.struct("", 8), writer.bytes());
  const strings = writer.stringOffset("a".repeat(500))!;
  new DataView(bytes.buffer).setUint32(24 + 12, strings + 1, true);
  const btf = Btf.parse(bytes);
  assert.equal(btf.name(1).length, 500);
  assert.throws(() => btf.name(2), /^BtfError: No name starts at 2: it is inside another one/);
});

Deno.test("Btf.parse() rejects BTF that is larger than any kernel's", () => {
  const bytes = new Uint8Array(MAX_BTF_BYTES + 1);
  bytes.set(kernel().bytes());
  assert.throws(() => Btf.parse(bytes), /^BtfError: BTF of 67108865 bytes/);
  assert.ok(Btf.parse(bytes.subarray(0, MAX_BTF_BYTES)).endId > 1);
  // The rest of an ELF file, such as debug information, does not count.
  const file = elfFile({ ".debug_info": bytes, ".BTF": kernel().bytes() });
  assert.ok(Btf.parse(file).endId > 1);
});
