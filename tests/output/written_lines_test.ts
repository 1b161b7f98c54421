import assert from "node:assert/strict";
import { LineWriter } from "../../src/output/line_writer.ts";
import { ByteList } from "../support/byte_list.ts";

function addRow(writer: LineWriter, text: string): void {
  const at = writer.room(text.length);
  for (let index = 0; index < text.length; index++) {
    writer.view.setUint8(at + index, text.charCodeAt(index));
  }
  writer.end(at + text.length);
}

Deno.test("written counts the lines that are out, not those held back", async () => {
  const writer = new LineWriter(new ByteList(), "a list", 10);
  writer.text("one\ntwo\n");
  assert.equal(writer.written, 0);
  addRow(writer, "three\n");
  await writer.progress();
  assert.equal(writer.written, 2);
  await writer.finish();
  assert.equal(writer.written, 3);
});

Deno.test("written counts whole lines of a write that was cut off, and none behind it", async () => {
  // The sink is full after 11 bytes, in the middle of the third line.
  let room = 11;
  const bytes = new ByteList();
  const writer = new LineWriter({
    async write(chunk: Uint8Array): Promise<number> {
      if (room === 0) throw new Error("No space left on device (os error 28)");
      const taken = await bytes.write(chunk.subarray(0, room));
      room -= taken;
      return taken;
    },
  }, "a list");
  addRow(writer, "one\n");
  await writer.finish();
  addRow(writer, "two\n");
  addRow(writer, "three\n");
  await assert.rejects(writer.finish(), /Cannot write to a list: No space left on device$/);
  assert.equal(bytes.text, "one\ntwo\nthr");
  assert.equal(writer.written, 2);
  addRow(writer, "four\n");
  await writer.finish();
  assert.equal(writer.written, 2);
});
