import assert from "node:assert/strict";
import { fitsFilter, onlyNetns, setFilter, sharedDevices } from "../../src/probe/filter.ts";
import {
  BITMAP_BITS,
  CONTROL_BYTES,
  CONTROL_ENABLED,
  CONTROL_INTERFACE_BITS,
  CONTROL_READER_WAITS,
  CONTROL_VIF_BITS,
} from "../../src/probe/layout.ts";

/** Records its calls. */
class Target {
  readonly control = new ArrayBuffer(CONTROL_BYTES);
  readonly updates: [map: string, netns: number, ifindex: number, value: number[]][] = [];

  update(map: string, key: Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>): void {
    const [netns, ifindex] = new Uint32Array(key.buffer) as unknown as [number, number];
    this.updates.push([map, netns, ifindex, [...value]]);
  }

  /** Indexes of the set bits, in words of 64 bits as the program reads them. */
  bits(offset: number): number[] {
    const words = new BigUint64Array(this.control, offset, BITMAP_BITS / 64);
    const set: number[] = [];
    words.forEach((word, index) => {
      for (let bit = 0; bit < 64; bit++) if (word >> BigInt(bit) & 1n) set.push(64 * index + bit);
    });
    return set;
  }
}

Deno.test("setFilter() names devices with their namespace, and sets the bits of their indexes", () => {
  const target = new Target();
  setFilter(target, [
    { netns: 4026531840, ifindex: 1, vifIndex: null },
    { netns: 4026532000, ifindex: 200, vifIndex: null },
  ]);
  assert.deepEqual(target.updates, [
    ["interfaces", 4026531840, 1, [1]],
    ["interfaces", 4026532000, 200, [1]],
  ]);
  assert.deepEqual(target.bits(CONTROL_INTERFACE_BITS), [1, 200]);
  assert.deepEqual(target.bits(CONTROL_VIF_BITS), []);
});

Deno.test("setFilter() sets the bits of vifs, with a device and without", () => {
  const target = new Target();
  setFilter(target, [
    { netns: 4026531840, ifindex: 7, vifIndex: 3 },
    { netns: 4026531840, ifindex: 0, vifIndex: 4351 },
    { netns: 4026531840, ifindex: -1, vifIndex: 0 },
  ]);
  assert.deepEqual(target.updates, [["interfaces", 4026531840, 7, [1]]]);
  assert.deepEqual(target.bits(CONTROL_INTERFACE_BITS), [7]);
  assert.deepEqual(target.bits(CONTROL_VIF_BITS), [0, 3, 4351]);
});

Deno.test("setFilter() sets the bit of an index's low half, as the program asks for it", () => {
  const target = new Target();
  setFilter(target, [
    { netns: 1, ifindex: BITMAP_BITS + 5, vifIndex: BITMAP_BITS - 1 },
    { netns: 1, ifindex: BITMAP_BITS - 1, vifIndex: null },
  ]);
  assert.deepEqual(target.bits(CONTROL_INTERFACE_BITS), [5, BITMAP_BITS - 1]);
  assert.deepEqual(target.bits(CONTROL_VIF_BITS), [BITMAP_BITS - 1]);
  assert.deepEqual(target.updates.map(([, , ifindex]) => ifindex), [65541, 65535]);
});

Deno.test("setFilter() leaves the rest of the control block alone", () => {
  const target = new Target();
  const words = new Uint32Array(target.control);
  words[CONTROL_ENABLED / 4] = 11;
  words[CONTROL_READER_WAITS / 4] = 12;
  setFilter(target, [{ netns: 1, ifindex: 1, vifIndex: 1 }]);
  assert.deepEqual([...words.subarray(0, 2)], [11, 12]);
});

Deno.test("onlyNetns() is the namespace that all devices are in", () => {
  const vif = { netns: 4026531840, ifindex: 7, vifIndex: 3 };
  assert.equal(onlyNetns([vif, { ...vif, ifindex: 65535 }]), 4026531840);
  // A vif without a device is identified by its index.
  assert.equal(onlyNetns([{ netns: 4026532000, ifindex: 0, vifIndex: 4 }, vif]), 4026531840);
});

Deno.test("onlyNetns() is 0 where the bitmap does not tell the devices", () => {
  const one = { netns: 4026531840, ifindex: 7, vifIndex: null };
  assert.equal(onlyNetns([]), 0);
  assert.equal(onlyNetns([one, { ...one, netns: 4026532000 }]), 0);
  assert.equal(onlyNetns([one, { ...one, ifindex: BITMAP_BITS }]), 0);
});

Deno.test("sharedDevices() are those that say so, by what they are for", () => {
  const device = (ifindex: number) => ({ netns: 4026531840, ifindex, vifIndex: null });
  assert.equal(sharedDevices([device(4), device(2)]), null);
  assert.deepEqual(
    sharedDevices([
      device(10),
      { ...device(4), shared: "rps" },
      { ...device(2), shared: "gro" },
      { ...device(3), shared: "gro" },
    ]),
    { rps: 4, gro: [2, 3] },
  );
  assert.deepEqual(sharedDevices([{ ...device(2), shared: "gro" }]), { rps: 0, gro: [2] });
});

Deno.test("setFilter() replaces what was chosen before, and touches nothing else", () => {
  const target = new Target();
  new Uint32Array(target.control)[CONTROL_ENABLED / 4] = 1;
  const chosen = (...vifs: number[]) =>
    vifs.map((index) => ({ netns: 1, ifindex: 100 + index, vifIndex: index }));
  setFilter(target, chosen(0, 1, 2));
  setFilter(target, chosen(1, 4));
  assert.deepEqual(target.bits(CONTROL_INTERFACE_BITS), [101, 104]);
  assert.deepEqual(target.bits(CONTROL_VIF_BITS), [1, 4]);
  assert.equal(new Uint32Array(target.control)[CONTROL_ENABLED / 4], 1);
});

Deno.test("fitsFilter() says whether programs for one namespace tell interfaces apart", () => {
  const at = (netns: number, ifindex: number) => ({ netns, ifindex, vifIndex: null });
  assert.ok(fitsFilter([at(1, 5), at(1, 0)], 1));
  assert.ok(fitsFilter([], 1));
  assert.ok(fitsFilter([at(0, 0)], 1));
  assert.ok(!fitsFilter([at(2, 5)], 1));
  assert.ok(!fitsFilter([at(1, BITMAP_BITS)], 1));
  assert.ok(fitsFilter([at(2, 5), at(1, BITMAP_BITS)], 0));
});
