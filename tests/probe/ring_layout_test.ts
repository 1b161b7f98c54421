import assert from "node:assert/strict";
import * as layout from "../../src/probe/layout.ts";
import { ringLayout, setRings } from "../../src/probe/ring_layout.ts";
import { isFailure } from "../support/failures.ts";

const MIB = 2 ** 20;

function cpus(count: number): number[] {
  return Array.from({ length: count }, (_, cpu) => cpu);
}

Deno.test("ringLayout() divides the memory into rings of a power of two of units", () => {
  for (
    const [bytes, count, units, blocks] of [
      [64 * MIB, 1, 2 ** 21, 16],
      [64 * MIB, 2, 2 ** 20, 8],
      [64 * MIB, 4, 2 ** 19, 4],
      [64 * MIB, 64, 2 ** 15, 1],
      [1024 * MIB, 1, 2 ** 25, 256],
      [1024 * MIB, 1024, 2 ** 15, 1],
    ] as const
  ) {
    const { units: found, ...rest } = ringLayout(bytes, cpus(count));
    assert.deepEqual([found, rest.blocks], [units, blocks], `${bytes} ${count}`);
    assert.equal(rest.blocks * rest.blockUnits, units);
    assert.ok(count * units * 24 <= bytes && count * units * 48 > bytes);
    // What Linux 5.10 accepts as the value of an array.
    assert.ok(rest.blockBytes < 4 * MIB);
  }
});

Deno.test("ringLayout() has room for nested programs and as many records in the smallest ring", () => {
  for (const count of [1, 2, 64]) {
    assert.equal(ringLayout(4096, cpus(count)).units, 2 * layout.NESTING_UNITS);
  }
});

Deno.test("ringLayout() refuses a CPU for which the programs have no ring", () => {
  assert.equal(ringLayout(4096, [1023]).units, 128);
  assert.throws(() => ringLayout(4096, [0, 1024]), isFailure("ring", /^Cannot trace CPU 1024: /));
});

Deno.test("setRings() gives each CPU its blocks, and others none", () => {
  const control = new ArrayBuffer(layout.CONTROL_BYTES);
  setRings(control, ringLayout(64 * MIB, [0, 2, 3]));
  const view = new DataView(control, layout.CONTROL_RINGS);
  const found = cpus(5).map((cpu) => {
    const ring = cpu * layout.RING_BYTES;
    return [
      Number(view.getBigUint64(ring + layout.RING_LIMIT, true)),
      view.getUint32(ring + layout.RING_FIRST_BLOCK, true),
      view.getUint32(ring + layout.RING_BLOCK_MASK, true),
    ];
  });
  const limit = 2 ** 19 - layout.NESTING_UNITS;
  assert.deepEqual(found, [[limit, 0, 3], [0, 0, 0], [limit, 4, 3], [limit, 8, 3], [0, 0, 0]]);
});
