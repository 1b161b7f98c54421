import assert from "node:assert/strict";
import { FlightPrinter, type FlightPrinterOptions } from "../../src/commands/flight_output.ts";
import { openNew } from "../../src/commands/record_output.ts";
import { Log } from "../../src/output/log.ts";
import { summarizeFlights } from "../../src/output/recording_summary.ts";
import { FlightFolder } from "../../src/recording/flight_folder.ts";
import { RecordingReader } from "../../src/recording/reader.ts";
import { memorySource } from "../../src/recording/source.ts";
import { Triggers } from "../../src/trace/triggers.ts";
import { feed } from "../support/call_records.ts";
import { DISCARDS, drop } from "../support/drops.ts";
import { MessageList } from "../support/message_list.ts";
import { dropRecord, feedWords } from "../support/packet_records.ts";
import { Collected, HEADER } from "../support/recordings.ts";

const SECOND = 1e9;
const PLACE = { slot: 1, generation: 1 };

/** A printer to a folder of its own, on a clock of the test's. */
class Flown {
  readonly path = Deno.makeTempDirSync();
  readonly messages = new MessageList();
  readonly folder: FlightFolder;
  readonly printer: FlightPrinter;
  now = 1000 * SECOND;

  constructor(options: Partial<FlightPrinterOptions> = {}, maxBytes = 2 ** 30) {
    this.folder = new FlightFolder({
      path: this.path,
      keep: null,
      maxBytes,
      open: (name) => openNew(name, 0o640),
    });
    this.printer = new FlightPrinter({
      first: () => [
        { name: "header", value: HEADER },
        { name: "nexthops", value: { time: 1n, all: [] } },
      ],
      more: () => [],
      state: () => [{ name: "nexthops", value: { time: 7n, all: [] } }],
      counts: () => ({ missed: 0 }),
      lost: () => 3,
      ringBytes: 4 << 20,
      ringTime: 60 * SECOND,
      before: 10 * SECOND,
      after: SECOND,
      every: 5 * SECOND,
      folder: this.folder,
      clock: () => this.now,
      triggers: new Triggers({
        functions: [{ name: "linux_rx_handler" }, { name: "nh_output" }],
        drop: () => true,
        slower: 5e6,
        conditional: false,
      }),
      loss: true,
      drop: () => drop({ reason: DISCARDS, cause: "discard nexthop" }),
      log: new Log({ messages: this.messages }),
      ...options,
    });
  }

  /** Until what is due is written. */
  async settle(seconds = 10): Promise<void> {
    this.now += seconds * SECOND;
    this.printer.dry();
    while (this.printer.pending) await this.printer.progress();
  }

  drop(): void {
    feedWords(this.printer, dropRecord({ ...PLACE, time: this.now }, { length: 98 }));
  }

  get files(): string[] {
    return Array.from(Deno.readDirSync(this.path), ({ name }) => name).sort();
  }

  get said(): string[] {
    return this.messages.text.trimEnd().split("\n").map((line) =>
      line.replace(/^\S+ \S+ /, "").replace(`${this.path}/vrft-`, "").replace(/\d{8}T[\d.]+Z/, "T")
        .replace(/[\d,]+ bytes/, "N bytes")
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function call(flown: Flown, fn: number): void {
  feed(flown.printer, {
    kind: "entry",
    task: 1,
    cpu: 0,
    frame: 64,
    fn,
    time: BigInt(flown.now),
    ...PLACE,
  });
}

Deno.test("each trigger has a recording of its kind, and says what it was", async () => {
  using flown = new Flown();
  const { printer } = flown;
  assert.ok(!printer.ask(), "nothing is recorded yet");
  printer.begin();
  flown.drop();
  await flown.settle();
  call(flown, 0);
  flown.now += 7e6;
  call(flown, 1);
  await flown.settle();
  printer.lost(0);
  await flown.settle();
  assert.ok(printer.ask());
  await flown.settle();
  assert.deepEqual(flown.said, [
    'Recorded "T-drop.vrft", for drop Discards: discard nexthop: 1 event, N bytes',
    'Recorded "T-slower.vrft", for slower (7.000 ms): 3 events, N bytes',
    'Recorded "T-loss.vrft", for loss: 2 events, N bytes',
    'Recorded "T-signal.vrft", for SIGUSR1: 0 events, N bytes',
  ]);
  assert.equal(flown.files.length, 4);
  const [first] = flown.files;
  const bytes = Deno.readFileSync(`${flown.path}/${first}`);
  assert.equal(Deno.statSync(`${flown.path}/${first}`).mode! & 0o7, 0);
  const reader = new RecordingReader(memorySource(bytes), "it");
  const found = new Collected();
  while (reader.next(found));
  assert.equal(reader.records, 1);
  assert.equal(found.sections.filter(({ name }) => name === "nexthops").length, 1);
  assert.equal(reader.sections.get("nexthops")!.time, 7n);
});

Deno.test("what is not written is said, and counted once", async () => {
  using flown = new Flown({ loss: false }, 17_500);
  const { printer } = flown;
  printer.begin();
  printer.lost(0);
  for (let count = 0; count < 3; count++) flown.drop();
  for (let count = 0; count < 40; count++) {
    flown.now += 1e8;
    flown.drop();
    printer.dry();
  }
  await flown.settle();
  flown.folder.makeRoom(17_500 - 1);
  printer.finish();
  await printer.close(new AbortController().signal);
  const counts = printer.settle();
  assert.equal(counts.recorded + counts.suppressed + counts.failed, counts.triggers);
  assert.equal(counts.triggers, 43);
  const zero = { evicted: 0, unfollowed: 0 } as Parameters<typeof summarizeFlights>[1]["packets"];
  assert.match(
    summarizeFlights(
      { ...counts, removed: 2, evicted: 1 },
      { lost: 3, missed: 0, removed: 0, unread: 0, untracked: 0, packets: zero },
      null,
    ),
    /^43 triggers: \d+ in \d recordings?, \d+ too soon \(--every\), \d+ not all recorded; [\d,]+ bytes written; 2 old recordings removed; 1 packet lost from sight on the way, which may have been slow; 3 events lost; 0 probe hits missed$/,
  );
});

Deno.test("a recording that nobody waits for any more is given up", async () => {
  using flown = new Flown();
  const cut = new AbortController();
  flown.printer.begin();
  flown.drop();
  cut.abort();
  await flown.printer.close(cut.signal);
  const { triggers, failed, recorded } = flown.printer.settle();
  assert.deepEqual([triggers, failed + recorded], [1, 1]);
  assert.ok(!flown.printer.pending);
});
