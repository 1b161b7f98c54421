import assert from "node:assert/strict";
import {
  findSymbols,
  findTraceable,
  listsModule,
  moduleFunctions,
} from "../../src/kernel/symbols.ts";
import { TextSymbols } from "../../src/kernel/text_symbols.ts";
import { mutate } from "../support/mutate.ts";
import { forRandomCases } from "../support/property.ts";
import { processCpuMs } from "../../src/sys/cpu_time.ts";

const KALLSYMS = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81c00010 T ip_rcv
ffffffff81c00040 t ip_rcv.isra.0
ffffffff82000000 D ip_rcv
ffffffffc0000010 t vr_flow_forward\t[vrouter]
ffffffffc0000050 t ip_rcv\t[vrouter]
`;
const TRACEABLE = "ip_rcv\nip_rcv.isra.0\nvr_flow_forward [vrouter]\nip_rcv [vrouter]\n";

Deno.test("damaged lists of functions are read without failing, each line once", () => {
  const originals = [KALLSYMS, TRACEABLE].map((text) => new TextEncoder().encode(text));
  let found = 0;
  const runs = forRandomCases(11, (random, run) => {
    const list = run % 4 === 0
      ? random.bytes(random.int(200))
      : mutate(random.pick(originals), random, random.pick(originals));
    const newlines = list.reduce((count, byte) => count + Number(byte === 0x0a), 0);
    for (const find of [findSymbols, findTraceable]) {
      const lines = find(list, ["ip_rcv", "vr_flow_forward"]);
      assert.ok(lines.length <= newlines + 1);
      found += lines.length;
      for (const { name, suffix, module, address } of lines) {
        assert.ok(name === "ip_rcv" || name === "vr_flow_forward");
        // A damaged byte of UTF-8 counts as a character.
        assert.ok(suffix.length + module.length <= list.length + "vmlinux".length);
        assert.ok(address >= 0n && address < 1n << 64n);
      }
    }
    listsModule(list, "vrouter");
    assert.ok(moduleFunctions(list, "vrouter").length <= list.length / 20);
    const text = new TextSymbols(list);
    for (const low of [0, 0x81000000, 0x81c00011, 0xffffffff, random.int(2 ** 32)]) {
      const symbol = text.containing(low);
      assert.ok(symbol === undefined || symbol.start <= low && symbol.name.length <= list.length);
      assert.ok((text.after(low) ?? Infinity) > low);
    }
  }, 5_000);
  assert.ok(found > runs);
});

/** The inverse of FNV's prime among 32-bit numbers, by Newton's method. */
function inverseOf(prime: number): number {
  let inverse = 1;
  for (let bits = 1; bits < 32; bits *= 2) {
    inverse = Math.imul(inverse, 2 - Math.imul(prime, inverse));
  }
  return inverse;
}

const PRIME = 0x01000193;
const INVERSE = inverseOf(PRIME);

/** Names whose hashes by FNV-1a, from its usual start, agree in the bits of `mask`. */
function collidingNames(count: number, mask: number): string[] {
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"];
  // Endings by the state of the hash that they lead to zero.
  const endings = new Map<number, string>();
  for (const a of letters) {
    for (const b of letters) {
      for (const c of letters) {
        const ending = a + b + c;
        let hash = 0;
        for (let at = 2; at >= 0; at--) hash = Math.imul(hash, INVERSE) ^ ending.charCodeAt(at);
        endings.set(hash & mask, ending);
      }
    }
  }
  const names: string[] = [];
  for (let number = 0; names.length < count; number++) {
    const start = `f${number.toString(36)}_`;
    let hash = 0x811c9dc5;
    for (let at = 0; at < start.length; at++) {
      hash = Math.imul(hash ^ start.charCodeAt(at), PRIME);
    }
    const ending = endings.get(hash & mask);
    if (ending !== undefined) names.push(start + ending);
  }
  return names;
}

Deno.test("names that were made to have one hash are looked up as fast as others", () => {
  const names = collidingNames(200_000, 2 ** 19 - 1);
  const list = new TextEncoder().encode(names.slice(0, 100).join("\n"));
  const start = processCpuMs();
  assert.equal(findTraceable(list, names).length, 100);
  // It takes half a second: with the hash that they were made for, half a minute.
  assert.ok(processCpuMs() - start < 10_000);
});
