import assert from "node:assert/strict";
import { Btf } from "../../src/kernel/btf.ts";
import { type Answers, later, recorded } from "../../src/kernel/later_btf.ts";
import { BtfWriter } from "../support/btf_writer.ts";

const kernel = new BtfWriter();
const skb = kernel.pointer(kernel.struct("sk_buff", 232));
kernel.func("ip_rcv", [["skb", skb]]);
const BTF = Btf.parse(kernel.bytes());

/** What a method does with some arguments: its result, or its error. */
function outcome(btf: Btf, method: string, args: readonly unknown[]): unknown {
  try {
    return { value: Reflect.apply(Reflect.get(btf, method) as () => unknown, btf, args) };
  } catch (error) {
    return { error: `${error}` };
  }
}

Deno.test("what stands for BTF does all that it does", () => {
  let loads = 0;
  const standIn = later(() => {
    loads++;
    return BTF;
  }, {});
  assert.ok(standIn instanceof Btf);
  assert.equal(loads, 0);
  let values = 0;
  for (const method of Object.getOwnPropertyNames(Btf.prototype)) {
    if (method === "constructor" || method === "itself") continue;
    for (const args of [["sk_buff", "len"], ["ip_rcv"], [1, 0], [2, 0], [3, 0], [99, 0]]) {
      const expected = outcome(BTF, method, args);
      assert.deepEqual(outcome(standIn, method, args), expected, `${method}(${args})`);
      values += Object.hasOwn(expected as object, "value") ? 1 : 0;
    }
  }
  assert.ok(values > 30, `${values} results`);
  assert.equal(standIn.index, BTF.index);
  assert.deepEqual([standIn.base, standIn.firstId, standIn.endId], [
    BTF.base,
    BTF.firstId,
    BTF.endId,
  ]);
  assert.equal(standIn.itself, BTF);
  assert.equal(loads, 1);

  const module = new BtfWriter(kernel);
  module.struct("vr_packet", 48);
  assert.equal(Btf.parse(module.bytes(), standIn).base, BTF);
});

Deno.test("what was asked of BTF is answered without it, also after it was written as JSON", () => {
  const answers: Answers = {};
  const ask = (btf: Btf): unknown => [
    btf.structSize("sk_buff"),
    btf.structSize("none"),
    btf.parameterCount("ip_rcv"),
    btf.memberPlace("sk_buff", "a", "b"),
    btf.enumNames("NONE"),
  ];
  const names = new Map([[0, "ZERO"], [-1, "MINUS"]]);
  const withEnum = Object.assign(Object.create(BTF) as Btf, { enumNames: () => names });
  assert.deepEqual(recorded(withEnum, answers).enumNames("ZERO"), names);
  const expected = ask(BTF);
  assert.deepEqual(ask(recorded(BTF, answers)), expected);
  const none = (): Btf => {
    throw new Error("It was read");
  };
  const kept = later(none, JSON.parse(JSON.stringify(answers)) as Answers);
  assert.deepEqual(ask(kept), expected);
  assert.deepEqual(kept.enumNames("ZERO"), names);
  assert.throws(() => kept.structSize("sock"), /It was read/);
  // Names of Object's own.
  assert.throws(() => later(none, {}).structSize("toString"), /It was read/);
});
