import assert from "node:assert/strict";
import { LineWriter, OutputClosed } from "../../src/output/line_writer.ts";
import { Failure } from "../../src/sys/failure.ts";
import { ByteList } from "../support/byte_list.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(500);

Deno.test("LineWriter writes nothing before it is flushed or full, and all of it then", () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 10);
  writer.text("0123");
  writer.text("456789");
  assert.deepEqual(bytes.writes, []);
  writer.text("ab");
  assert.deepEqual(bytes.writes, [10]);
  writer.flush();
  writer.flush();
  assert.deepEqual(bytes.writes, [10, 2]);
  assert.equal(bytes.text, "0123456789ab");
});

Deno.test("LineWriter takes rows that are longer than its buffer", () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 4);
  writer.text("ab");
  const at = writer.room(9);
  for (let index = 0; index < 9; index++) writer.view.setUint8(at + index, 0x30 + index);
  writer.end(at + 9);
  writer.text("cd");
  writer.flush();
  assert.equal(bytes.text, "ab012345678cd");
});

Deno.test("LineWriter takes of the room what was used", () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 16);
  const at = writer.room(12);
  writer.view.setUint32(at, 0x64636261, true);
  writer.end(at + 2);
  writer.text("xyz");
  writer.flush();
  assert.equal(bytes.text, "abxyz");
});

Deno.test("LineWriter writes on where the sink takes part of the bytes", () => {
  const bytes = new ByteList({ most: 3 });
  const writer = new LineWriter(bytes, "a list");
  writer.text("0123456789");
  writer.flush();
  assert.deepEqual(bytes.writes, [3, 3, 3, 1]);
  assert.equal(bytes.text, "0123456789");
});

Deno.test("LineWriter loses nothing where the sink is not ready or is interrupted", () => {
  console.log(`seed ${SEED}, ${RUNS} runs`);
  const random = new Random(SEED);
  let failures = 0;
  const bytes = new ByteList({
    most: 7,
    before: () => {
      if (random.int(50) !== 0) return;
      failures++;
      const busy = random.int(2) === 0;
      throw busy ? new Deno.errors.WouldBlock("busy") : new Deno.errors.Interrupted("signal");
    },
  });
  const writer = new LineWriter(bytes, "a list", 32);
  let expected = "";
  for (let run = 0; run < RUNS; run++) {
    const text = `${run};`.repeat(random.int(12));
    writer.text(text);
    expected += text;
  }
  writer.flush();
  assert.equal(bytes.text, expected);
  assert.ok(failures > 0);
});

Deno.test("LineWriter does not keep the processor busy while the sink is not ready", () => {
  let attempts = 0;
  const end = performance.now() + 100;
  const bytes = new ByteList({
    before: () => {
      attempts++;
      if (performance.now() < end) throw new Deno.errors.WouldBlock("busy");
    },
  });
  const writer = new LineWriter(bytes, "a list");
  writer.text("late");
  writer.flush();
  assert.equal(bytes.text, "late");
  assert.ok(attempts < 20, `${attempts} attempts`);
});

Deno.test("flush() throws OutputClosed when the reader has gone, and drops output from then on", () => {
  const cause = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  const bytes = new ByteList({
    before: (write) => {
      if (write === 1) throw cause;
    },
  });
  const writer = new LineWriter(bytes, "standard output", 4);
  writer.text("first");
  writer.flush();
  writer.text("second");
  assert.throws(() => writer.flush(), (error: Error) => {
    assert.ok(error instanceof OutputClosed);
    assert.equal(error.cause, cause);
    return true;
  });
  writer.text("more than fits");
  writer.flush();
  assert.equal(bytes.text, "first");
});

Deno.test("flush() says what could not be written to and why", () => {
  using full = Deno.openSync("/dev/full", { write: true });
  const writer = new LineWriter(full, "/dev/full");
  writer.text("x");
  assert.throws(() => writer.flush(), (error: Error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "output");
    assert.equal(error.message, "Cannot write to /dev/full: No space left on device");
    assert.ok(error.cause instanceof Error);
    return true;
  });
  writer.text("y");
  writer.flush();
});

Deno.test("room() throws what writing the full buffer throws", () => {
  const bytes = new ByteList({
    before: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  const writer = new LineWriter(bytes, "standard output", 4);
  writer.text("abcd");
  assert.throws(() => writer.room(1), OutputClosed);
  assert.equal(writer.room(3), 0);
});
