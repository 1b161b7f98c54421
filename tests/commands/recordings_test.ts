import assert from "node:assert/strict";
import { ALL_PACKETS, Replay, type ReplayPrinter } from "../../src/commands/replay.ts";
import { openTwice, readerOf } from "../../src/commands/recordings.ts";
import type { TraceSignals } from "../../src/commands/session.ts";
import { Log } from "../../src/output/log.ts";
import { survey } from "../../src/recording/survey.ts";
import { isFailure } from "../support/failures.ts";
import { MessageList } from "../support/message_list.ts";
import { Random } from "../support/random.ts";
import { recorded } from "../support/recordings.ts";
import { feedStream, vrouterStream } from "../support/vrouter_stream.ts";

interface Situation {
  readonly stop: AbortController;
  readonly cut: AbortController;
  readonly messages: MessageList;
  readonly log: Log;
  readonly signals: TraceSignals;
}

/** Signals of a user, and what is said. */
function situation(): Situation {
  const [stop, cut] = [new AbortController(), new AbortController()];
  const messages = new MessageList();
  return {
    stop,
    cut,
    messages,
    log: new Log({ messages }),
    signals: { stop: stop.signal, cut: cut.signal, end: (): void => {} },
  };
}

/** A named pipe with a writer that stays, and nothing in it. */
async function namedPipe(): Promise<{ path: string; writer: Deno.FsFile } & Disposable> {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/pipe`;
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(success);
  // Opened for both, it does not wait for a reader.
  const writer = Deno.openSync(path, { read: true, write: true });
  return {
    path,
    writer,
    [Symbol.dispose](): void {
      writer.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

Deno.test("a signal ends the reading of a pipe, and what has come is the recording", async () => {
  using pipe = await namedPipe();
  const { stop, cut, signals, log, messages } = situation();
  const stream = vrouterStream(new Random(41), { records: 200_000 });
  const bytes = await recorded((writer) => {
    const functions = stream.functions.map((name) => ({ name, module: "vrouter", returns: true }));
    writer.add({ name: "functions", value: functions });
    feedStream(stream, writer);
  });
  // Several times what a pipe holds: most has been read when all is written.
  assert.ok(bytes.length > 1 << 18);
  const opening = openTwice(pipe.path, log, signals);
  for (let done = 0; done < bytes.length;) done += await pipe.writer.write(bytes.subarray(done));
  stop.abort();
  using open = await opening;
  const { records, ending } = survey(readerOf(open));
  assert.ok(records > 0);
  assert.ok(ending.kind === "cut" || ending.kind === "complete", ending.kind);
  assert.match(messages.text, / Interrupted: what has been read of ".*pipe" so far follows; /);
  assert.equal(open.signals.stop.aborted, false);
  cut.abort();
  assert.equal(open.signals.stop.aborted, true);
});

Deno.test("a signal ends the wait for the writer of a named pipe", async () => {
  using pipe = await namedPipe();
  const { stop, signals, log } = situation();
  const opening = openTwice(pipe.path, log, signals);
  stop.abort();
  using open = await opening;
  assert.throws(() => readerOf(open), isFailure("recording", /: it is empty$/));
});

Deno.test("what has no end and is no recording is not copied", async () => {
  const { signals, log } = situation();
  using open = await openTwice("/dev/zero", log, signals);
  assert.throws(() => readerOf(open), isFailure("recording", /: it is no recording of vrft$/));
});

Deno.test("an output that was given up is said not to be whole", async () => {
  for (const pending of [false, true]) {
    const { signals, log, messages } = situation();
    const about = { ...ALL_PACKETS, output: null };
    using replay = await Replay.open("tests/data/ping-and-drop.vrft", about, log, signals);
    const printer: ReplayPrinter = {
      pending,
      canFeed: false,
      blocked: false,
      full: false,
      done: false,
      begin: () => {},
      record: () => {},
      lost: () => {},
      dry: () => {},
      hold: () => {},
      finish: () => {},
      waiting: () => {},
      progress: () => Promise.resolve(),
      close: () => Promise.resolve(),
      get output() {
        return this;
      },
    };
    assert.equal(await replay.run(printer, printer, null, log), 0);
    assert.equal(messages.text.includes("Not all of it is written (interrupted twice)"), pending);
  }
});

Deno.test("a folder cannot be read as a recording", async () => {
  const { signals, log } = situation();
  await assert.rejects(
    openTwice("/tmp", log, signals),
    isFailure("recording", /^Cannot read "\/tmp": Is a directory/),
  );
});
