/**
 * Pages of `--format html`, as their program reads them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readCalls } from "../../src/output/html/calls.ts";
import type { PageData } from "../../src/output/html/page_data.ts";

/** What a page has. */
export interface PageContents {
  readonly data: PageData;
  readonly calls: Uint8Array;
}

/** Reads the data of a page. */
export async function readPage(page: Uint8Array): Promise<PageContents> {
  const text = new TextDecoder().decode(page);
  const packed = Uint8Array.fromBase64(/ id="data">([^<]*)<\/script>/.exec(text)![1]!);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(plain).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { data, calls: bytes.subarray(4 + length) };
}

/** Checks that all columns of a page are as long as they have to be, and point to what there is. */
export function checkPage(data: PageData, calls: Uint8Array): void {
  const { packets, drops, flame, texts, lines, functions, reasons } = data;
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  const within = (numbers: readonly number[], length: number): void => {
    for (const one of numbers) assert.ok(one >= -1 && one < length, `${one} of ${length}`);
  };
  const { stage, stageTime, line, ...each } = packets;
  for (const column of Object.values(each)) assert.equal(column.length, packets.number.length);
  assert.equal(stage.length, sum(packets.stages));
  assert.equal(stageTime.length, sum(packets.stages));
  assert.equal(line.length, sum(packets.lines));
  assert.equal(calls.length, sum(packets.callBytes));
  for (const column of [packets.text, packets.place, packets.outcome]) within(column, texts.length);
  within(line, lines.length);
  for (const column of Object.values(drops)) assert.equal(column.length, drops.time.length);
  for (const column of [drops.vif, drops.nexthop, drops.text]) within(column, texts.length);
  within(drops.reason, reasons.length);
  within(drops.packet, packets.number.length);
  for (const column of Object.values(flame)) assert.equal(column.length, flame.fn.length);
  within(flame.fn, functions.length);
  let at = 0;
  for (const [row, count] of packets.calls.entries()) {
    const bytes = calls.subarray(at, at + packets.callBytes[row]!);
    for (const { fn, duration } of readCalls(bytes, count)) {
      assert.ok(fn < functions.length && duration >= 0);
    }
    at += packets.callBytes[row]!;
  }
}
