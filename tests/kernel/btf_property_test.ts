import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { discover } from "../../src/kernel/functions.ts";
import { Failure } from "../../src/sys/failure.ts";
import { BtfWriter, elfFile } from "../support/btf_writer.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 0xb7f;

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

/** Changes up to eight bytes or words, and cuts now and then. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  const bytes = original.slice();
  const view = new DataView(bytes.buffer);
  for (let changes = 1 + random.int(8); changes > 0; changes--) {
    const word = 4 * random.int(Math.floor(bytes.length / 4));
    switch (random.int(4)) {
      case 0:
        bytes[random.int(bytes.length)] = random.int(256);
        break;
      case 1:
        view.setUint32(
          word,
          random.pick([0, 1, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff]),
          true,
        );
        break;
      case 2:
        // A small number is often a valid reference or count.
        view.setUint32(word, random.int(48), true);
        break;
      case 3:
        view.setUint32(
          word,
          view.getUint32(4 * random.int(Math.floor(bytes.length / 4)), true),
          true,
        );
    }
  }
  return random.int(8) === 0 ? bytes.subarray(0, random.int(bytes.length)) : bytes;
}

/** Does with `bytes` all that is done with BTF. */
function use(bytes: Uint8Array, base: Btf | undefined): void {
  const btf = Btf.parse(bytes, base);
  assert.ok(btf.endId - btf.firstId <= bytes.length / 12);
  for (const member of ["cb", "dev", "missing"]) btf.memberOffset("sk_buff", member);
  const modules = [{ module: "vmlinux", btf }];
  discover({ modules, kallsyms: null, filterFunctions: null, functions: [], excludes: [] });
}

Deno.test("damaged BTF is read or rejected with a reason, and never hangs", () => {
  const runs = propertyRuns(10_000);
  console.log(`seed ${SEED}, ${runs} runs`);
  const random = new Random(SEED);
  const base = kernel();
  const module = new BtfWriter(base);
  module.struct("vr_packet", 48, [["", 4, 0], ["vp_if", 6, 128]]);
  module.func("nh_output", [["nh", 6], ["pkt", module.pointer(module.typedef("p", 6))]]);
  const split = module.bytes();
  const baseBtf = Btf.parse(base.bytes());
  const originals: [Uint8Array, Btf | undefined][] = [
    [base.bytes(), undefined],
    [base.bytes(), baseBtf],
    [split, baseBtf],
    [elfFile({ ".BTF": base.bytes() }), undefined],
    [elfFile({ ".BTF": split, ".BTF.base": base.bytes() }), undefined],
  ];
  for (const [bytes, over] of originals) use(bytes, over);

  let rejected = 0;
  for (let run = 0; run < runs; run++) {
    const [bytes, over] = random.pick(originals);
    try {
      use(mutate(bytes, random), over);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      assert.match(error.message, /^[A-Z]/);
      rejected++;
    }
  }
  // Both ways must have been gone, or nothing was tested.
  assert.ok(rejected > 0 && rejected < runs, `${rejected} of ${runs} rejected`);
});

Deno.test("work on hostile BTF grows with its size only", () => {
  // Every function has the same prototype of 65,535 parameters; all lead through one chain.
  const writer = new BtfWriter();
  let type = writer.struct("sk_buff_head", 24);
  for (let step = 0; step < 60; step++) type = writer.const(type);
  const parameters = Array.from({ length: 0xffff }, () => ["", type] as const);
  const prototype = writer.prototype(parameters);
  for (let count = 0; count < 50_000; count++) writer.add("f", 12, prototype);
  const started = performance.now();
  use(writer.bytes(), undefined);
  // It takes milliseconds; looking at each parameter of each function would take minutes.
  assert.ok(performance.now() - started < 10_000);
});
