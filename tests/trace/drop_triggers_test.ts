import assert from "node:assert/strict";
import {
  DROP_CAPTURED,
  SEGMENTATION_OTHER,
  SEGMENTATION_SHIFT,
  SEGMENTED,
  SOURCE_KERNEL,
} from "../../src/probe/packet_record.ts";
import { Failure } from "../../src/sys/failure.ts";
import type { Drop } from "../../src/trace/drop.ts";
import { dropTrigger } from "../../src/trace/drop_triggers.ts";
import { DropReasons } from "../../src/vrouter/drop_reasons.ts";
import { DISCARDS, drop } from "../support/drops.ts";
import { type DropFields, dropRecord } from "../support/packet_records.ts";

const VROUTER = new DropReasons(
  new Map([
    [0, "VP_DROP_DISCARD"],
    [2, "VP_DROP_FRAGMENTS"],
    [3, "VP_DROP_CLONED_ORIGINAL"],
    [4, "VP_DROP_NEW_IN_THIS_MODULE"],
  ]),
);
const KERNEL = {
  enumNames: () =>
    new Map([[2, "SKB_DROP_REASON_NOT_SPECIFIED"], [3, "SKB_DROP_REASON_NO_SOCKET"]]),
};
const PLACE = { slot: 1, generation: 1 };

/** A test of drops, and how often it had to make one. */
function trigger(
  all: boolean,
  reasons: readonly string[],
  isHousekeeping = false,
): { test: (fields: DropFields) => boolean; made: () => number } {
  let made = 0;
  const test = dropTrigger({
    all,
    reasons,
    kernel: KERNEL,
    vrouter: VROUTER,
    drop(): Drop {
      made++;
      return drop({ reason: { ...DISCARDS, class: isHousekeeping ? "housekeeping" : "lost" } });
    },
  });
  return {
    test(fields): boolean {
      const record = dropRecord(PLACE, { length: 98, ...fields });
      // Not at the start, as in a ring.
      const words = new Uint32Array(record.length + 6);
      words.set(record, 6);
      return test(words, 6, record.byteLength);
    },
    made: () => made,
  };
}

Deno.test("a drop of any reason is one that vrft drops shows", () => {
  const { test, made } = trigger(true, []);
  assert.ok(test({ reason: 0 }));
  assert.ok(test({ reason: 4 }));
  assert.ok(test({ reason: 999 }));
  assert.ok(test({ reason: 70_000 }));
  assert.ok(!test({ reason: 3 }), "the copy goes on");
  assert.ok(test({ reason: 2, source: SOURCE_KERNEL }));
  assert.ok(test({ reason: 0x30001, source: SOURCE_KERNEL }));
  assert.ok(!test({ reason: 2, source: SOURCE_KERNEL, length: 0 }), "no packet");
  assert.equal(made(), 0);
});

Deno.test("what led to a drop is looked at only where that makes a difference", () => {
  const lost = trigger(true, []);
  assert.ok(lost.test({ reason: 2 }));
  assert.equal(lost.made(), 1);
  assert.ok(!trigger(true, [], true).test({ reason: 2 }));
});

Deno.test("packets that are cut into segments cost nothing after the first", () => {
  const { test, made } = trigger(true, [], true);
  const cut = (segmentation: number, location: bigint): boolean =>
    test({
      reason: 2,
      source: SOURCE_KERNEL,
      location,
      words: { [DROP_CAPTURED]: (segmentation << SEGMENTATION_SHIFT) >>> 0 },
    });
  for (let count = 0; count < 100; count++) assert.ok(!cut(SEGMENTED, 0xffff_ffff_c000_0500n));
  assert.equal(made(), 1);
  assert.ok(!cut(SEGMENTED, 0xffff_ffff_8100_0300n));
  assert.equal(made(), 2);
  assert.ok(cut(SEGMENTATION_OTHER, 0xffff_ffff_c000_0500n));
});

Deno.test("reasons are those of vrft drops, of vrouter and of the kernel", () => {
  const { test } = trigger(false, ["discards", "no-socket"]);
  assert.ok(test({ reason: 0 }));
  assert.ok(!test({ reason: 4 }));
  assert.ok(!test({ reason: 2 }));
  assert.ok(test({ reason: 3, source: SOURCE_KERNEL }));
  assert.ok(!test({ reason: 2, source: SOURCE_KERNEL }));
  assert.ok(!test({ reason: 0x30003, source: SOURCE_KERNEL }));
  // As there, the user has named it.
  assert.ok(trigger(false, ["cloned original"]).test({ reason: 3 }));
  assert.ok(trigger(true, ["cloned original"]).test({ reason: 0 }));
});

Deno.test("a reason that there is not is an error that says what it may be", () => {
  assert.throws(() => trigger(false, ["discard5"]), (error) => {
    assert.ok(error instanceof Failure && error.kind === "usage");
    assert.match(error.message, /no such reason; did you mean "Discards"/);
    return true;
  });
});

Deno.test("a damaged record triggers nothing", () => {
  const test = dropTrigger({
    all: true,
    reasons: [],
    kernel: KERNEL,
    vrouter: VROUTER,
    drop: () => null,
  });
  assert.ok(!test(new Uint32Array(6), 0, 24));
});
