/**
 * vrft's way from the ring to text, timed on records that the kernel wrote: reader, call trees, rows.
 * `peer ring-to-text` does the same in C; scripts/bench runs both in turn, on one CPU.
 *
 * Argument: RECORDS. Prints `{ records, firstMs, secondMs }`: the ring is filled and read twice,
 * because the first time V8 still compiles.
 *
 * @module
 */

import { LineWriter } from "../../../src/output/line_writer.ts";
import { TextView } from "../../../src/output/text.ts";
import { KIND_ENTRY, KIND_RETURN } from "../../../src/probe/record.ts";
import { onlineCpus } from "../../../src/sys/cpus.ts";
import { CallTree } from "../../../src/trace/tree.ts";
import { TestRing } from "../../support/loaded_object.ts";

// The same as in peer.c: calls eight deep, again and again.
const DEPTH = 8;
const FRAME = 0xffff_c900_0001_0000n;
const FRAME_BYTES = 128n;

/** Bytes of the rings: 64 MiB for each CPU, as all records are written on one. */
const RING_BYTES = onlineCpus().length * (64 << 20);
/** As `src/trace/tracer.ts` reads. */
const BATCH_BYTES = 1 << 20;

function produce(ring: TestRing, records: number): void {
  for (let index = 0; index < records; index++) {
    const step = index % (2 * DEPTH);
    const depth = BigInt(step < DEPTH ? step : 2 * DEPTH - 1 - step);
    ring.program.run(depth, step < DEPTH ? KIND_ENTRY : KIND_RETURN, FRAME - FRAME_BYTES * depth);
  }
}

/** Times one filling of the ring, in milliseconds. */
async function consume(ring: TestRing, tree: CallTree, writer: LineWriter): Promise<number> {
  const start = performance.now();
  while (ring.reader.drain(tree, BATCH_BYTES) > 0) {
    while (writer.blocked) await writer.progress();
  }
  await writer.finish();
  return performance.now() - start;
}

const records = Number(Deno.args[0]);
using ring = await TestRing.open(RING_BYTES);
using file = Deno.openSync("/dev/null", { write: true });
const writer = new LineWriter(file, "/dev/null");
const names = Array.from({ length: DEPTH }, (_, index) => `function_number_${index}`);
const tree = new CallTree(new TextView(writer, names), DEPTH);
const taken: number[] = [];
for (let filling = 0; filling < 2; filling++) {
  produce(ring, records);
  taken.push(await consume(ring, tree, writer));
}
const { recorded, lost } = ring.counters.read();
if (recorded !== 2 * records || lost !== 0 || tree.calls !== records) {
  throw new Error(`${recorded} records written, ${lost} lost, ${tree.calls} calls read`);
}
console.log(JSON.stringify({ records, firstMs: taken[0], secondMs: taken[1] }));
