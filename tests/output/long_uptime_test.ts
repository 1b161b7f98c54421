import assert from "node:assert/strict";
import { LineWriter } from "../../src/output/line_writer.ts";
import { TextView } from "../../src/output/text.ts";
import { RingReader } from "../../src/probe/ring.ts";
import { CallTree } from "../../src/trace/tree.ts";
import { ByteList } from "../support/byte_list.ts";
import { recordWords } from "../support/call_records.ts";
import { layoutOf, RingWriter } from "../support/ring_writer.ts";

const DAY = 86_400_000_000_000n;
/** Above this, 104 days and 6 hours in nanoseconds, not every integer is a double. */
const FIRST_ODD = 2n ** 53n;

/** Printed timestamps of a call from `start` to `end`, processed from ring to text. */
async function printed(start: bigint, end: bigint): Promise<string[]> {
  const ring = new RingWriter(layoutOf([1], 128));
  const call = { task: 1, cpu: 0, frame: 0x4000, fn: 0 };
  assert.ok(ring.write(1, recordWords({ ...call, kind: "entry", time: start })));
  assert.ok(ring.write(1, recordWords({ ...call, kind: "return", time: end })));
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list");
  new RingReader(ring.memory, () => Infinity).drain(
    new CallTree(new TextView(writer, ["vm_rx"]), 1),
    Infinity,
  );
  await writer.finish();
  const rows = bytes.text.trimEnd().split("\n");
  assert.match(rows[0]!, /^\d{1,20} +000 vm_rx\(\) \{ *$/);
  assert.match(rows[1]!, /^\d{1,20} +000 \} *$/);
  return rows.map((row) => row.split(" ")[0]!);
}

Deno.test("Timestamps keep their nanoseconds after 104 days and for as long as the clock runs", async () => {
  const uptimes = [
    FIRST_ODD - 1n,
    FIRST_ODD,
    FIRST_ODD + 1n,
    104n * DAY + 21_600_000_000_001n,
    365n * DAY + 1n,
    3650n * DAY + 999_999_999n,
    // 292 years: the end of ktime_t.
    2n ** 63n - 2n,
  ];
  for (const uptime of uptimes) {
    assert.deepEqual(await printed(uptime, uptime + 1n), [`${uptime}`, `${uptime + 1n}`]);
  }
});

Deno.test("Timestamps carry from the low half into the high one", async () => {
  for (const high of [1n, 2n ** 21n - 1n, 2n ** 21n]) {
    const time = (high << 32n) - 1n;
    assert.deepEqual(await printed(time, time + 1n), [`${time}`, `${time + 1n}`]);
  }
});
