import assert from "node:assert/strict";
import { PACKET_SLOTS as SLOTS } from "../../src/probe/layout.ts";
import { packetId, PacketTable, UNKNOWN_PACKET } from "../../src/trace/packets.ts";
import { forRandomCases } from "../support/property.ts";

const SEED = 20261125;

function handle(slot: number, generation: number): number {
  return slot | (generation & 0xff) << 16;
}

function totals({ begun, ended, inside, outOfSight, stray }: PacketTable): number[] {
  return [begun, ended, inside, outOfSight, stray];
}

Deno.test("PacketTable knows a packet by its handle until another takes the slot", () => {
  const packets = new PacketTable();
  const first = packets.begin(7, 0x1234_5678, UNKNOWN_PACKET);
  assert.equal(first, 0x1234_5678 * 65536 + 7);
  assert.equal(packets.id(handle(7, 0x78)), first);
  assert.equal(packets.id(handle(7, 0x79)), UNKNOWN_PACKET);
  assert.equal(packets.id(handle(8, 0x78)), UNKNOWN_PACKET);
  assert.equal(packets.id(-1), UNKNOWN_PACKET);
  packets.end(handle(7, 0x78));
  assert.equal(packets.id(handle(7, 0x78)), first, "calls that free it follow its end");
  assert.equal(packets.isInside(handle(7, 0x78)), false);
  packets.begin(7, 0x1234_5679, first);
  assert.equal(packets.id(handle(7, 0x78)), UNKNOWN_PACKET);
  assert.equal(packets.parent(handle(7, 0x79)), first);
  assert.equal(packets.isInside(handle(7, 0x79)), true);
});

Deno.test("PacketTable counts a packet once, when both its copy and its header are told", () => {
  const packets = new PacketTable();
  const parent = packets.begin(1, 1, UNKNOWN_PACKET);
  packets.begin(2, 1, parent);
  packets.begin(2, 1, UNKNOWN_PACKET);
  assert.deepEqual(totals(packets), [2, 0, 2, 0, 0]);
  assert.equal(packets.parent(handle(2, 1)), parent);
  packets.end(handle(2, 1));
  packets.begin(2, 1, UNKNOWN_PACKET);
  assert.deepEqual(totals(packets), [2, 1, 1, 0, 0], "nothing begins twice");
});

Deno.test("PacketTable counts a packet whose slot is taken before its end as out of sight", () => {
  const packets = new PacketTable();
  packets.begin(1, 1, UNKNOWN_PACKET);
  packets.begin(1, 2, UNKNOWN_PACKET);
  assert.deepEqual(totals(packets), [2, 0, 1, 1, 0]);
  // The begin of the third is lost.
  packets.end(handle(1, 3));
  assert.deepEqual(totals(packets), [2, 0, 0, 2, 1]);
  packets.end(handle(1, 3));
  assert.deepEqual(totals(packets), [2, 0, 0, 2, 2]);
});

Deno.test("PacketTable is not misled by a late end of the packet before", () => {
  const packets = new PacketTable();
  packets.begin(1, 0x100, UNKNOWN_PACKET);
  packets.end(handle(1, 0xff));
  assert.deepEqual(totals(packets), [1, 0, 1, 0, 1]);
  assert.equal(packets.isInside(handle(1, 0)), true);
});

Deno.test("of every packet that begins, PacketTable knows whether it has ended, is inside or out of sight", () => {
  forRandomCases(SEED, (random) => {
    const packets = new PacketTable();
    /** Generation by slot, of those inside. */
    const inside = new Map<number, number>();
    const last = new Map<number, number>();
    let ended = 0;
    let evicted = 0;
    for (let step = 0; step < 100; step++) {
      const slot = random.pick([0, 1, SLOTS - 1]);
      const generation = inside.get(slot);
      if (random.int(2) === 0) {
        if (generation !== undefined) evicted++;
        const next = (last.get(slot) ?? random.int(2 ** 32)) + 1 + random.int(100);
        last.set(slot, next % 2 ** 32);
        inside.set(slot, next % 2 ** 32);
        assert.equal(
          packets.begin(slot, next % 2 ** 32, UNKNOWN_PACKET),
          packetId(slot, next % 2 ** 32),
        );
      } else if (generation !== undefined) {
        packets.end(handle(slot, generation));
        inside.delete(slot);
        ended++;
      }
    }
    assert.deepEqual(totals(packets).slice(1), [ended, inside.size, evicted, 0]);
    assert.equal(packets.begun, ended + inside.size + evicted);
    for (const [slot, generation] of inside) {
      assert.ok(packets.isInside(handle(slot, generation)));
    }
  }, 300);
});
