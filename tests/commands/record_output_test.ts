import assert from "node:assert/strict";
import { RecordingPrinter, rotationTo } from "../../src/commands/record_output.ts";
import { OutputClosed } from "../../src/output/line_writer.ts";
import { Log } from "../../src/output/log.ts";
import { RecordingReader } from "../../src/recording/reader.ts";
import { memorySource } from "../../src/recording/source.ts";
import type { Section } from "../../src/recording/sections.ts";
import type { TraceCounts } from "../../src/trace/tracer.ts";
import { MessageList } from "../support/message_list.ts";
import { endRecord, feedWords } from "../support/packet_records.ts";
import { Collected, HEADER, MemoryFile } from "../support/recordings.ts";

const NEVER = new AbortController().signal;
const COUNTS: TraceCounts = {
  recorded: 3,
  lost: 2,
  untracked: 0,
  missed: 1,
  removed: 0,
  unread: 0,
  packets: { seen: 1, kept: 1, copied: 0, ended: 1, evicted: 0, unfollowed: 0 },
  sample: 1,
};
const FIRST: Section[] = [{ name: "header", value: HEADER }];
const RECORD = endRecord({ slot: 1, generation: 1, time: 7, task: Deno.pid });

type Options = ConstructorParameters<typeof RecordingPrinter>[0];

function printerTo(file: Options["to"]["sink"], options: Partial<Options> = {}): RecordingPrinter {
  return new RecordingPrinter({
    to: {
      sink: file,
      name: "test",
      canTravel: false,
      connections: () => [],
      begin: () => {},
      [Symbol.dispose]: () => {},
    },
    rotation: null,
    first: () => FIRST,
    more: (isRegular) =>
      isRegular ? [{ name: "clocks", value: [{ monotonic: 1n, realtime: 2n }] }] : [],
    last: () => [],
    counts: () => COUNTS,
    limit: null,
    log: new Log({ messages: new MessageList() }),
    ...options,
  });
}

async function settled(printer: RecordingPrinter): Promise<void> {
  while (printer.pending) await printer.progress();
}

function read(bytes: Uint8Array): RecordingReader {
  const reader = new RecordingReader(memorySource(bytes), "it");
  while (reader.next(new Collected()));
  return reader;
}

Deno.test("a recording ends with the counts of the trace, and says why", async () => {
  const file = new MemoryFile();
  const printer = printerTo(file);
  printer.begin();
  feedWords(printer, RECORD);
  printer.lost(0);
  printer.finish();
  printer.finish();
  await settled(printer);
  const { ending, sections, records } = read(file.bytes);
  assert.equal(records, 1);
  assert.deepEqual(ending, {
    kind: "complete",
    end: { time: 7n, why: "interrupted", records: 1, lost: 2 },
  });
  const counters = sections.get("counters")!;
  assert.deepEqual([counters.of, counters.values["missed"], counters.values["kept"]], [
    "vrft",
    1,
    1,
  ]);
  assert.equal(printer.written.records, 1);
  assert.equal(printer.written.bytes, file.bytes.length);
});

Deno.test("a limit ends the recording with exactly that many events", async () => {
  const file = new MemoryFile();
  const printer = printerTo(file, { limit: 3 });
  printer.begin();
  for (let count = 0; count < 5; count++) {
    assert.equal(printer.done, count >= 3);
    feedWords(printer, RECORD);
  }
  printer.finish();
  await settled(printer);
  const { ending, records } = read(file.bytes);
  assert.equal(records, 3);
  assert.ok(ending?.kind === "complete" && ending.end.why === "limit");
});

Deno.test("a trace that fails ends its recording, too", async () => {
  const file = new MemoryFile();
  const printer = printerTo(file);
  printer.begin();
  feedWords(printer, RECORD);
  await printer.close(NEVER);
  const { ending } = read(file.bytes);
  assert.ok(ending?.kind === "complete" && ending.end.why === "failed");
});

Deno.test("a reader that goes away ends the recording without an error", async () => {
  const printer = printerTo({
    write: () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)")),
  });
  printer.begin();
  feedWords(printer, RECORD);
  await printer.progress();
  assert.throws(() => printer.dry(), OutputClosed);
});

Deno.test("a full disk is an error that says how much there is", async () => {
  const printer = printerTo({
    write: () => Promise.reject(new Error("No space left on device (os error 28)")),
  });
  printer.begin();
  await printer.progress();
  assert.throws(
    () => printer.dry(),
    { message: "Cannot write to test: No space left on device; 0 events are recorded" },
  );
});

Deno.test("readings of counters come behind the records up to then, and changes at once", async () => {
  const file = new MemoryFile();
  const nothing = { all: {}, vifs: [] };
  let pending: Section[] = [];
  let changes: Section[] = [];
  const printer = printerTo(file, {
    more: () => changes.splice(0),
    readings: {
      turn(): void {
        pending = [{ name: "reading", value: { time: 9n, before: nothing, after: nothing } }];
      },
      dry: () => pending.splice(0),
    },
  });
  printer.begin();
  printer.turn();
  feedWords(printer, RECORD);
  printer.dry();
  changes = [{ name: "triggers", value: [] }];
  printer.turn();
  printer.finish();
  await settled(printer);
  const order: string[] = [];
  const reader = new RecordingReader(memorySource(file.bytes), "it");
  while (
    reader.next({
      record: () => order.push("record"),
      lost: () => {},
      section: ({ name }) => order.push(name),
    })
  );
  assert.deepEqual(order.slice(order.indexOf("record")).slice(0, 3), [
    "record",
    "reading",
    "triggers",
  ]);
});

Deno.test("nothing is read from the ring while the output is held", () => {
  const printer = printerTo(new MemoryFile());
  printer.begin();
  assert.equal(printer.blocked, false);
  printer.hold(true);
  assert.equal(printer.blocked, true);
});

Deno.test("files of a rotation stand alone", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const rotation = rotationTo(`${folder}/a.vrft`, { bytes: 1, ms: null, keep: 2 });
    const printer = printerTo({ write: () => Promise.reject(new Error("not used")) }, {
      rotation,
    });
    printer.begin();
    for (let file = 0; file < 4; file++) {
      feedWords(printer, RECORD);
      printer.turn();
    }
    printer.finish();
    await settled(printer);
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    assert.deepEqual(names, ["a.00000001.vrft", "a.00000002.vrft"]);
    for (const name of names) {
      assert.equal(read(Deno.readFileSync(`${folder}/${name}`)).header.host, HEADER.host);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
