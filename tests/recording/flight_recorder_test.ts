import assert from "node:assert/strict";
import type { NamedFile } from "../../src/recording/block_queue.ts";
import { FlightFolder } from "../../src/recording/flight_folder.ts";
import {
  type FlightOptions,
  FlightRecorder,
  type FlightRecording,
  type RecordingFolder,
  type Trigger,
  type TriggerKind,
} from "../../src/recording/flight_recorder.ts";
import { FLUSH_MS } from "../../src/recording/record_blocks.ts";
import type { RecordingReader } from "../../src/recording/reader.ts";
import { OccurringTasks } from "../../src/recording/task_names.ts";
import { TIMESTAMP_HIGH, TIMESTAMP_LOW } from "../../src/probe/record.ts";
import { Failure } from "../../src/sys/failure.ts";
import { dropRecord, endRecord, feedWords } from "../support/packet_records.ts";
import { Random } from "../support/random.ts";
import { Collected, HEADER, MemoryFile, readAll } from "../support/recordings.ts";
import { testUnless, whyNoProgram } from "../support/skip.ts";

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const MIB = 1 << 20;
const DROP: Trigger = { kind: "drop", why: "drop Discards" };

/** A folder in memory. */
class Folder implements RecordingFolder {
  readonly files: MemoryFile[] = [];
  room = Infinity;
  opens = true;
  /** Makes the next file. */
  make = (): MemoryFile => new MemoryFile();

  open(kind: TriggerKind): NamedFile {
    if (!this.opens) throw new Failure("output", "Cannot open it");
    const file = this.make();
    this.files.push(file);
    return { file, name: `${kind} ${this.files.length}` };
  }

  makeRoom(bytes: number): boolean {
    return bytes <= this.room;
  }

  grow(_file: NamedFile, bytes: number): void {
    this.room -= bytes;
  }

  finish(): void {}
}

/** A recorder on a clock of the test's. */
class Flying {
  now = 1000 * SECOND;
  readonly folder = new Folder();
  readonly over: FlightRecording[] = [];
  readonly recorder: FlightRecorder;
  lost = 0;

  constructor(options: Partial<FlightOptions> = {}) {
    this.recorder = new FlightRecorder({
      sections: [{ name: "header", value: HEADER }],
      state: () => [],
      counts: () => ({ missed: 0 }),
      lost: () => this.lost,
      ringBytes: 16 * MIB,
      ringTime: MINUTE,
      before: 10 * SECOND,
      after: 5 * SECOND,
      every: MINUTE,
      folder: this.folder,
      clock: () => this.now,
      over: (recording) => this.over.push(recording),
      ...options,
    });
  }

  /** A packet ends, and time goes on until that is in a block. @returns when */
  event(): number {
    const time = this.now;
    feedWords(this.recorder, endRecord({ slot: 1, generation: 1, time }));
    this.recorder.dry();
    this.now += FLUSH_MS * 1e6;
    this.recorder.dry();
    return time;
  }

  /** Events for so many seconds. */
  fly(seconds: number): void {
    for (const end = this.now + seconds * SECOND; this.now < end;) this.event();
  }

  trigger(trigger = DROP, isAsked = false): number {
    this.recorder.trigger(this.now, this.now, () => trigger, isAsked);
    return this.now;
  }

  /** Until all is written that can be. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 400; turn++) await Promise.resolve();
  }

  /** Least and greatest time of a file's records, and how it ends. */
  read(index: number): { first: number; last: number; why: string; reader: RecordingReader } {
    return readFile(this.folder.files[index]!.bytes);
  }
}

function timesIn({ words }: Collected): number[] {
  const times = [];
  for (let at = 0; at < words.length; at += 6) {
    times.push(words[at + TIMESTAMP_HIGH]! * 2 ** 32 + words[at + TIMESTAMP_LOW]!);
  }
  return times;
}

function readFile(
  bytes: Uint8Array,
): { first: number; last: number; why: string; times: number[]; reader: RecordingReader } {
  const found = new Collected();
  const reader = readAll(bytes, found);
  const times = timesIn(found);
  const { ending } = reader;
  const why = ending?.kind === "complete" ? ending.end.why : ending?.kind ?? "";
  return { first: times[0]!, last: times.at(-1)!, why, times, reader };
}

Deno.test("a trigger writes what was before it and what comes after it, and no more", async () => {
  const flying = new Flying();
  flying.fly(40);
  const at = flying.trigger();
  flying.fly(20);
  await flying.settle();
  const { first, last, why, reader } = flying.read(0);
  // Blocks are whole: half a second.
  assert.ok(first <= at - 10 * SECOND && first > at - 11 * SECOND, `${(at - first) / SECOND}`);
  assert.ok(last >= at + 4.5 * SECOND && last <= at + 5.5 * SECOND, `${(last - at) / SECOND}`);
  assert.equal(why, "triggered");
  assert.deepEqual(reader.sections.get("triggers"), [{ time: BigInt(at), why: DROP.why }]);
  assert.ok(flying.folder.files[0]!.closed);
  assert.deepEqual(flying.recorder.counts, {
    triggers: 1,
    recordings: 1,
    bytes: flying.folder.files[0]!.bytes.length,
    recorded: 1,
    suppressed: 0,
    failed: 0,
  });
  assert.equal(flying.over[0]!.records, reader.records);
  assert.equal(flying.recorder.pending, false);
});

Deno.test("a recording goes back to where the packet of its trigger came in", async () => {
  const flying = new Flying();
  flying.fly(40);
  const from = flying.now - 25 * SECOND;
  flying.recorder.trigger(flying.now, from, () => DROP);
  flying.fly(6);
  await flying.settle();
  const { first } = flying.read(0);
  assert.ok(first <= from - 10 * SECOND && first > from - 11 * SECOND);
});

Deno.test("triggers that follow each other share a file, which does not go on for ever", async () => {
  const flying = new Flying();
  flying.fly(20);
  const at = flying.now;
  for (let second = 0; second < 30; second++) {
    flying.trigger({ kind: "drop", why: `drop ${second}` });
    flying.fly(1);
  }
  await flying.settle();
  const { last, reader } = flying.read(0);
  assert.ok(last >= at + 14.5 * SECOND && last <= at + 15.5 * SECOND, `${(last - at) / SECOND}`);
  assert.deepEqual(
    reader.sections.get("triggers")!.map(({ why }) => why),
    Array.from({ length: 15 }, (_, second) => `drop ${second}`),
  );
  const { recorded, suppressed, recordings } = flying.recorder.counts;
  assert.deepEqual([recorded, suppressed, recordings], [15, 15, 1]);
});

Deno.test("a trigger too soon after another one is counted, unless a user asks", async () => {
  const flying = new Flying();
  flying.fly(20);
  flying.trigger();
  flying.fly(20);
  flying.trigger();
  flying.fly(1);
  flying.trigger({ kind: "signal", why: "SIGUSR1" }, true);
  flying.fly(61);
  flying.trigger();
  flying.fly(6);
  await flying.settle();
  const { triggers, recordings, suppressed } = flying.recorder.counts;
  assert.deepEqual([triggers, recordings, suppressed], [4, 3, 1]);
  assert.deepEqual(flying.over.map(({ why }) => why), [DROP.why, "SIGUSR1", DROP.why]);
});

Deno.test("the end of the trace ends the file that is being written", async () => {
  const flying = new Flying();
  flying.fly(5);
  flying.trigger();
  const time = flying.event();
  feedWords(flying.recorder, endRecord({ slot: 2, generation: 1, time: time + 1 }));
  flying.recorder.finish();
  await flying.settle();
  const { last, why } = flying.read(0);
  assert.deepEqual([last, why], [time + 1, "interrupted"]);
  assert.equal(flying.recorder.pending, false);
});

Deno.test("what a recording refers to is in it, however long ago that was said", async () => {
  const names = new Map([[7, "vhost-7"], [9, "qemu"]]);
  const tasks = new OccurringTasks((thread) => names.get(thread) ?? null);
  const flying = new Flying({
    tasks,
    state: () => [{ name: "nexthops", value: { time: 5n, all: [] } }],
  });
  const event = (task: number): void => {
    feedWords(flying.recorder, endRecord({ slot: 1, generation: 1, time: flying.now, task }));
  };
  const clocks = (): void => {
    const monotonic = BigInt(flying.now);
    flying.recorder.add({ name: "clocks", value: [{ monotonic, realtime: monotonic + 7n }] });
  };
  event(7);
  flying.recorder.add({ name: "devices", value: [[1, 2, "old"]] });
  for (let minute = 0; minute < 300; minute++) {
    flying.fly(1);
    flying.now += MINUTE;
    clocks();
  }
  flying.recorder.add({ name: "devices", value: [[1, 2, "tap2"], [1, 3, "tap3"]] });
  // Another task has the number.
  names.set(7, "nginx");
  event(7);
  flying.fly(12);
  clocks();
  event(9);
  flying.trigger();
  flying.fly(8);
  clocks();
  flying.fly(8);
  await flying.settle();
  const { sections } = flying.read(0).reader;
  const named = new Map(sections.get("tasks"));
  assert.deepEqual([named.get(7), named.get(9)], ["nginx", "qemu"]);
  const devices = new Map(sections.get("devices")!.map(([, ifindex, name]) => [ifindex, name]));
  assert.deepEqual([...devices], [[2, "tap2"], [3, "tap3"]]);
  assert.ok(sections.get("nexthops") !== undefined);
  // The one before, and those of its time.
  assert.equal(sections.get("clocks")!.length, 2);
});

Deno.test("losses are those of its own time", async () => {
  let missed = 3;
  const flying = new Flying({ counts: () => ({ missed, removed: 2 }) });
  const lose = (count: number): void => {
    flying.lost += count;
    flying.recorder.lost(0);
  };
  const clocks = (): void => {
    flying.recorder.add({ name: "clocks", value: [{ monotonic: 1n, realtime: 2n }] });
  };
  lose(1000);
  flying.fly(30);
  missed = 10;
  clocks();
  flying.fly(11);
  lose(7);
  missed = 14;
  flying.trigger();
  flying.fly(6);
  await flying.settle();
  const { reader } = flying.read(0);
  const { ending, lost, sections } = reader;
  assert.ok(ending?.kind === "complete");
  assert.deepEqual([lost, ending.end.lost], [7, 7]);
  assert.deepEqual(sections.get("counters")!.values, { missed: 4, removed: 2, lost: 7 });
});

/** A disk on which nothing goes on until it is told to. */
class SlowFile extends MemoryFile {
  goOn: () => void = () => {};
  override async write(bytes: Uint8Array): Promise<number> {
    await new Promise<void>((resolve) => this.goOn = resolve);
    return super.write(bytes);
  }
}

Deno.test("a disk that is slower than the ring cuts a file short, and nothing waits for it", async () => {
  const flying = new Flying({ ringBytes: MIB, every: SECOND });
  let slow = new SlowFile();
  flying.folder.make = () => slow = new SlowFile();
  flying.fly(20);
  flying.trigger();
  const random = new Random(3);
  const full = flying.recorder.held;
  for (let count = 0; count < 16_000; count++) {
    const place = { slot: random.int(65_536), generation: 1, time: flying.now };
    const bytes = random.bytes(100);
    feedWords(flying.recorder, dropRecord(place, { bytes, length: 1500, reason: 1 }));
    flying.now += 2e5;
    if (count % 4000 === 0) flying.event();
    assert.ok(flying.recorder.held <= MIB);
  }
  assert.ok(flying.recorder.held > full);
  // Its opening is written, and then the next block is no longer there.
  for (let turn = 0; turn < 200; turn++) {
    slow.goOn();
    await flying.settle();
  }
  const { recordings, failed } = flying.recorder.counts;
  assert.deepEqual([recordings, failed], [0, 1]);
  assert.equal(flying.over[0]!.state, "overtaken");
  assert.equal(flying.read(0).why, "overtaken");
  // The next one is whole again.
  flying.folder.make = () => new MemoryFile();
  flying.trigger();
  await flying.settle();
  flying.fly(6);
  await flying.settle();
  assert.equal(flying.recorder.counts.recordings, 1);
});

Deno.test("a disk on which nothing goes on keeps three files waiting, and no more", async () => {
  const flying = new Flying({ every: SECOND });
  flying.folder.make = () => new SlowFile();
  for (let turn = 0; turn < 5; turn++) {
    flying.trigger();
    flying.fly(10);
    await flying.settle();
  }
  assert.equal(flying.folder.files.length, 3);
  assert.equal(flying.recorder.counts.failed, 2);
  assert.match(`${flying.over[0]!.error?.message}`, /^Cannot write a recording: earlier ones /);
  flying.recorder.cut();
  assert.equal(flying.recorder.counts.failed, 5);
  assert.equal(flying.recorder.pending, false);
});

Deno.test("a full disk is told, and the next recording is written when there is room again", async () => {
  const flying = new Flying({ every: SECOND });
  let left = 3000;
  flying.folder.make = () => {
    const file = new MemoryFile();
    const { write } = MemoryFile.prototype;
    file.write = (bytes) => {
      if (bytes.length > left) {
        return Promise.reject(new Error("No space left on device (os error 28)"));
      }
      left -= bytes.length;
      return write.call(file, bytes);
    };
    return file;
  };
  flying.fly(20);
  flying.trigger();
  flying.fly(20);
  await flying.settle();
  const [over] = flying.over;
  assert.equal(over!.state, "failed");
  assert.match(over!.error!.message, /^Cannot write to drop 1: No space left on device; /);
  assert.ok(flying.folder.files[0]!.closed);
  assert.equal(flying.read(0).why, "cut");
  left = Infinity;
  flying.trigger();
  flying.fly(10);
  await flying.settle();
  assert.deepEqual([flying.over[1]!.state, flying.read(1).why], ["whole", "triggered"]);
  const { recordings, recorded, failed } = flying.recorder.counts;
  assert.deepEqual([recordings, recorded, failed], [1, 1, 1]);
});

Deno.test("a file that cannot be opened is told, and so is one for which there is no room", async () => {
  const flying = new Flying({ every: SECOND });
  flying.folder.opens = false;
  flying.trigger();
  flying.fly(10);
  flying.folder.opens = true;
  flying.folder.room = 10;
  flying.trigger();
  flying.fly(10);
  flying.folder.room = 17_600;
  flying.trigger();
  flying.fly(10);
  await flying.settle();
  assert.deepEqual(flying.over.map(({ state }) => state), ["failed", "failed", "full"]);
  assert.equal(flying.read(0).why, "full");
  assert.ok(flying.folder.files[0]!.bytes.length <= 17_600);
  assert.equal(flying.recorder.counts.failed, 3);
});

/** Opens a new file of the machine. */
function open(path: string): NamedFile["file"] {
  const file = Deno.openSync(path, { write: true, createNew: true });
  // At once: there the clock of a test goes on only when the disk has all.
  return { write: (bytes) => Promise.resolve(file.writeSync(bytes)), close: () => file.close() };
}

Deno.test("a folder has so many files and bytes of the recorder's, and whatever else there is", () => {
  const path = Deno.makeTempDirSync();
  const list = (): string[] => Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
  try {
    const others = ["vrft-notes.txt", "a.vrft", "vrft-20200101T000000.000Z-drop.vrft.gz"];
    for (const name of others) Deno.writeTextFileSync(`${path}/${name}`, "mine");
    // Of an earlier run; and what only looks like it.
    Deno.writeFileSync(`${path}/vrft-20200101T000000.000Z-loss.vrft`, new Uint8Array(500));
    Deno.symlinkSync("/etc/passwd", `${path}/vrft-20200101T000000.001Z-drop.vrft`);
    const folder = new FlightFolder({ path, keep: 3, maxBytes: 1000, open });
    const wall = Date.UTC(2026, 10, 26, 14, 17, 49, 123);
    const one = folder.open("drop", wall);
    assert.equal(one.name, `"${path}/vrft-20261126T141749.123Z-drop.vrft"`);
    const two = folder.open("drop", wall);
    assert.equal(two.name, `"${path}/vrft-20261126T141749.123Z-drop-2.vrft"`);
    folder.grow(one, 300);
    assert.ok(folder.makeRoom(200));
    // Those that are being written stay.
    assert.ok(folder.makeRoom(700));
    assert.equal(folder.removed, 1);
    assert.ok(!folder.makeRoom(701));
    Deno.writeFileSync(`${path}/vrft-20261126T141749.123Z-drop.vrft`, new Uint8Array(300));
    folder.finish(one, false);
    const three = folder.open("signal", wall + 1);
    folder.open("slower", wall + 2);
    assert.equal(folder.removed, 2);
    folder.finish(three, true);
    assert.deepEqual(list(), [
      "a.vrft",
      "vrft-20200101T000000.000Z-drop.vrft.gz",
      "vrft-20200101T000000.001Z-drop.vrft",
      "vrft-20261126T141749.123Z-drop-2.vrft",
      "vrft-20261126T141749.125Z-slower.vrft",
      "vrft-notes.txt",
    ]);
    assert.equal(Deno.readTextFileSync(`${path}/a.vrft`), "mine");
    Deno.symlinkSync(`${path}/a.vrft`, `${path}/vrft-20261126T141749.200Z-drop.vrft`);
    const { name } = folder.open("drop", wall + 77);
    assert.match(name, /200Z-drop-2\.vrft"$/);
    for (const file of [one, two, three]) file.file.close?.();
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});

const HOURS = 24;

testUnless(
  whyNoProgram("zstd"),
  `through ${HOURS} hours memory is flat, the disk is bounded, and each trigger is in its recording`,
  async () => {
    const path = Deno.makeTempDirSync();
    const random = new Random(15);
    const maxBytes = 3 * MIB;
    const keep = 12;
    const folder = new FlightFolder({ path, keep, maxBytes, open });
    const flying: Flying = new Flying({
      folder,
      ringBytes: 2 * MIB,
      ringTime: 10 * MINUTE,
      before: MINUTE,
      after: 20 * SECOND,
      every: 2 * MINUTE,
      tasks: new OccurringTasks((thread) => `task ${thread}`),
      over: (recording) => check(recording),
    });
    const { recorder } = flying;
    const wanted: number[] = [];
    let checked = 0;
    const check = ({ name, state, triggers }: FlightRecording): void => {
      assert.equal(state, "whole");
      const { times, why, reader } = readFile(Deno.readFileSync(JSON.parse(name)));
      assert.equal(why, "triggered");
      const told = reader.sections.get("triggers")!;
      assert.equal(told.length, triggers);
      for (const { time } of told) assert.ok(times.includes(Number(time)), `${name}: ${time}`);
      assert.ok(told.every(({ time }) => wanted.includes(Number(time))));
      checked += triggers;
    };
    const size = (): number => {
      let total = 0;
      for (const { name } of Deno.readDirSync(path)) total += Deno.statSync(`${path}/${name}`).size;
      return total;
    };
    let most = 0;
    let full = 0;
    try {
      for (let second = 0; second < HOURS * 3600; second += 10) {
        const noise = 1 + random.int(second % 3600 < 300 ? 300 : 6);
        for (let count = 0; count < noise; count++) {
          const [slot, task] = [random.int(65_536), random.int(second < 7200 ? 1 << 20 : 5000)];
          const time = flying.now + count;
          feedWords(recorder, endRecord({ slot, generation: 1, task, time }));
        }
        if (random.int(50) === 0) {
          // Its own record, which is in the encoder yet.
          const at = flying.now + 1000;
          feedWords(recorder, endRecord({ slot: 1, generation: 2, time: at }));
          wanted.push(at);
          recorder.trigger(at, at - random.int(30) * SECOND, () => DROP);
        }
        flying.now += SECOND;
        recorder.dry();
        flying.now += SECOND;
        recorder.dry();
        const monotonic = BigInt(flying.now);
        recorder.add({ name: "clocks", value: [{ monotonic, realtime: monotonic }] });
        flying.now += 8 * SECOND;
        recorder.dry();
        most = Math.max(most, recorder.held);
        if (recorder.held > 1.5 * MIB) full++;
        assert.ok(recorder.held <= 2 * MIB, `${second}: ${recorder.held}`);
        if (recorder.pending) await flying.settle();
        if (second % 600 === 0) {
          assert.ok(size() <= maxBytes, `${second}: ${size()}`);
          assert.ok([...Deno.readDirSync(path)].length <= keep);
        }
      }
      while (recorder.pending) {
        flying.now += SECOND;
        recorder.dry();
        await flying.settle();
      }
      const { triggers, recordings, recorded, suppressed, failed } = recorder.counts;
      assert.deepEqual([triggers, failed], [wanted.length, 0]);
      assert.equal(recorded + suppressed, triggers);
      assert.equal(checked, recorded);
      assert.ok(recordings > 80 && recorded > recordings && suppressed > 10, `${recordings}`);
      assert.ok(most > MIB / 4, `${most}`);
      const files = Array.from(Deno.readDirSync(path), ({ name }) => `${path}/${name}`);
      assert.equal(files.length + folder.removed, recordings);
      const { success, stderr } = new Deno.Command("zstd", { args: ["-tq", ...files] })
        .outputSync();
      assert.ok(success, new TextDecoder().decode(stderr));
    } finally {
      Deno.removeSync(path, { recursive: true });
    }
  },
);

Deno.test("whatever triggers come, each is counted once, and files have what they should", async () => {
  for (let seed = 0; seed < 25; seed++) {
    const random = new Random(seed);
    const flying = new Flying({
      ringBytes: (1 + random.int(4)) * MIB,
      ringTime: random.int(3) === 0 ? Infinity : (5 + random.int(60)) * SECOND,
      before: (1 + random.int(30)) * SECOND,
      after: (1 + random.int(10)) * SECOND,
      every: (1 + random.int(60)) * SECOND,
    });
    const { recorder } = flying;
    const all: number[] = [];
    for (let turn = 0; turn < 300; turn++) {
      for (let count = random.int(40); count > 0; count--) {
        const time = flying.now + all.length % 1000;
        all.push(time);
        feedWords(recorder, endRecord({ slot: random.int(65_536), generation: 1, time }));
      }
      if (random.int(8) === 0) {
        const at = flying.now - random.int(3) * 1e8;
        const kind = random.pick(["drop", "slower", "loss"] as const);
        recorder.trigger(at, at - random.int(2) * SECOND, () => ({ kind, why: kind }));
      }
      if (random.int(50) === 0) flying.trigger({ kind: "signal", why: "signal" }, true);
      if (random.int(60) === 0) {
        flying.lost++;
        recorder.lost(random.int(3));
      }
      if (random.int(30) === 0) {
        recorder.add({ name: "clocks", value: [{ monotonic: 1n, realtime: 2n }] });
      }
      flying.now += random.int(10) * 1e8;
      recorder.dry();
      if (random.int(3) === 0) await flying.settle();
    }
    recorder.finish();
    await flying.settle();
    const { triggers, recorded, suppressed, failed, recordings } = recorder.counts;
    assert.equal(recorded + suppressed + failed, triggers, `seed ${seed}`);
    assert.equal(failed, 0, `seed ${seed}`);
    assert.equal(recordings, flying.folder.files.length, `seed ${seed}`);
    for (const { bytes, closed } of flying.folder.files) {
      assert.ok(closed);
      const { times, why } = readFile(bytes);
      assert.ok(why === "triggered" || why === "interrupted", `seed ${seed}: ${why}`);
      // All of the time that it has, in the order of the trace.
      if (times.length === 0) continue;
      const start = all.indexOf(times[0]!);
      assert.deepEqual(times, all.slice(start, start + times.length), `seed ${seed}`);
    }
  }
});
