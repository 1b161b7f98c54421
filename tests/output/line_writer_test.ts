import assert from "node:assert/strict";
import { LineWriter, OutputClosed } from "../../src/output/line_writer.ts";
import { Failure } from "../../src/sys/failure.ts";
import { takeBackFrom } from "../../src/output/sinks.ts";
import { ByteList } from "../support/byte_list.ts";
import { propertyRuns } from "../support/property.ts";
import { Random } from "../support/random.ts";

const SEED = 20261122;
const RUNS = propertyRuns(500);

Deno.test("LineWriter writes nothing before it is flushed or full, and all of it then", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 10);
  writer.text("0123");
  writer.text("456789");
  assert.deepEqual(bytes.writes, []);
  writer.text("ab");
  await writer.progress();
  assert.deepEqual(bytes.writes, [10]);
  await writer.finish();
  await writer.finish();
  assert.deepEqual(bytes.writes, [10, 2]);
  assert.equal(bytes.text, "0123456789ab");
});

Deno.test("LineWriter takes rows that are longer than its buffer", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 4);
  writer.text("ab");
  const at = writer.room(9);
  for (let index = 0; index < 9; index++) writer.view.setUint8(at + index, 0x30 + index);
  writer.end(at + 9);
  writer.text("cd");
  await writer.finish();
  assert.equal(bytes.text, "ab012345678cd");
});

Deno.test("LineWriter takes of the room what was used", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 16);
  const at = writer.room(12);
  writer.view.setUint32(at, 0x64636261, true);
  writer.end(at + 2);
  writer.text("xyz");
  await writer.finish();
  assert.equal(bytes.text, "abxyz");
});

Deno.test("LineWriter writes on where the sink takes part of the bytes", async () => {
  const bytes = new ByteList({ most: 3 });
  const writer = new LineWriter(bytes, "a list");
  writer.text("0123456789");
  await writer.finish();
  assert.deepEqual(bytes.writes, [3, 3, 3, 1]);
  assert.equal(bytes.text, "0123456789");
});

Deno.test("LineWriter loses nothing where the sink is not ready or is interrupted", async () => {
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
  await writer.finish();
  assert.equal(bytes.text, expected);
  assert.ok(failures > 0);
});

Deno.test("LineWriter does not keep the processor busy while the sink is not ready", async () => {
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
  await writer.finish();
  assert.equal(bytes.text, "late");
  assert.ok(attempts < 20, `${attempts} attempts`);
});

Deno.test("finish() throws OutputClosed when the reader has gone, and output is dropped from then on", async () => {
  const cause = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
  const bytes = new ByteList({
    before: (write) => {
      if (write === 1) throw cause;
    },
  });
  const writer = new LineWriter(bytes, "standard output", 4);
  writer.text("one\n");
  await writer.finish();
  writer.text("second");
  await assert.rejects(writer.finish(), (error: Error) => {
    assert.ok(error instanceof OutputClosed);
    assert.equal(error.cause, cause);
    return true;
  });
  writer.text("more than fits");
  await writer.finish();
  assert.equal(writer.pending, false);
  assert.equal(bytes.text, "one\n");
});

Deno.test("finish() says what could not be written to and why", async () => {
  using full = Deno.openSync("/dev/full", { write: true });
  const writer = new LineWriter(full, "/dev/full");
  writer.text("x");
  await assert.rejects(writer.finish(), (error: Error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.kind, "output");
    assert.equal(error.message, "Cannot write to /dev/full: No space left on device");
    assert.ok(error.cause instanceof Error);
    return true;
  });
  writer.text("y");
  await writer.finish();
});

Deno.test("flush() and room() throw what an earlier write has met, whichever is called first", async () => {
  for (const next of ["flush", "room"] as const) {
    const bytes = new ByteList({
      before: () => {
        throw new Deno.errors.BrokenPipe("gone");
      },
    });
    const writer = new LineWriter(bytes, "standard output", 4);
    writer.text("abcd");
    writer.flush();
    await writer.progress();
    assert.throws(() => next === "flush" ? writer.flush() : writer.room(5), OutputClosed);
    writer.flush();
    assert.equal(writer.room(3), 0);
  }
});

Deno.test("LineWriter never waits for a reader that has stopped, says so, and loses nothing", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 10);
  bytes.stall();
  let expected = "";
  let rows = 0;
  for (; !writer.blocked; rows++) {
    writer.text(`row ${rows}\n`);
    expected += `row ${rows}\n`;
  }
  // One is being written, and three wait.
  assert.equal(rows, 5);
  // Rows are still accepted, so that a trace never ends in the middle of a call tree.
  for (; rows < 50; rows++) {
    writer.text(`row ${rows}\n`);
    expected += `row ${rows}\n`;
  }
  writer.flush();
  assert.equal(bytes.text, "");
  assert.equal(writer.written, 0);
  bytes.resume();
  await writer.finish();
  assert.equal(bytes.text, expected);
  assert.equal(writer.written, 50);
  assert.equal(writer.blocked, false);
});

Deno.test("Small flushes do not block a LineWriter, they gather", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 1000);
  bytes.stall();
  for (let row = 0; row < 100; row++) {
    writer.text("a row\n");
    writer.flush();
  }
  assert.equal(writer.blocked, false);
  bytes.resume();
  await writer.finish();
  assert.equal(bytes.text, "a row\n".repeat(100));
  assert.deepEqual(bytes.writes, [6, 594]);
});

Deno.test("finish() ends at once when it is cut, and what is out counts", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 1000);
  writer.text("one\ntwo\n");
  await writer.finish();
  bytes.stall();
  writer.text("three\n");
  const cut = new AbortController();
  const finished = writer.finish(cut.signal);
  cut.abort();
  await finished;
  assert.equal(writer.pending, true);
  assert.equal(writer.written, 2);
  bytes.resume();
  await writer.finish();
});

Deno.test("What is held goes out once it no longer is", async () => {
  const bytes = new ByteList();
  const writer = new LineWriter(bytes, "a list", 10);
  writer.held = true;
  writer.text("one\n");
  writer.flush();
  await Promise.resolve();
  assert.deepEqual(bytes.writes, []);
  writer.held = false;
  await writer.finish();
  assert.equal(bytes.text, "one\n");
});

for (const append of [false, true]) {
  Deno.test(`A file that is full ends with a whole row${append ? ", behind what was there" : ""}`, async () => {
    const path = Deno.makeTempFileSync();
    try {
      Deno.writeTextFileSync(path, append ? "before\n" : "");
      using file = Deno.openSync(path, { write: true, append });
      // Accepts three bytes per write, 15 in total.
      let room = 15;
      const sink = {
        write: async (bytes: Uint8Array): Promise<number> => {
          if (room <= 0) throw new Error("No space left on device (os error 28)");
          room -= 3;
          return await file.write(bytes.subarray(0, 3));
        },
        takeBack: (bytes: number): void => takeBackFrom(file, bytes),
      };
      const writer = new LineWriter(sink, "a file", 12);
      for (const row of ["first\n", "second\n", "third\n"]) writer.text(row);
      await assert.rejects(writer.finish(), /Cannot write to a file: No space left on device$/);
      assert.equal(writer.written, 2);
      assert.equal(Deno.readTextFileSync(path), `${append ? "before\n" : ""}first\nsecond\n`);
    } finally {
      Deno.removeSync(path);
    }
  });
}
