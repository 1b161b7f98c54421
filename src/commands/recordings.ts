/**
 * Opens recordings for the commands that read them.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { HEAD_BYTES, readHead } from "../recording/format.ts";
import { RecordingReader } from "../recording/reader.ts";
import { fileSource, type RecordingSource } from "../recording/source.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { openUnnamed } from "../sys/files.ts";
import { printable } from "../sys/printable.ts";
import type { TraceSignals } from "./session.ts";

/** An open file. */
export interface OpenRecording extends Disposable {
  readonly source: RecordingSource;
  /** In messages. */
  readonly name: string;
}

/**
 * Opens a recording.
 *
 * @param path `-` for stdin
 * @throws {Failure} `recording` if it cannot be opened
 */
export function openRecording(path: string): OpenRecording {
  if (path === "-") {
    return {
      source: fileSource(Deno.stdin),
      name: "standard input",
      [Symbol.dispose]: (): void => {},
    };
  }
  const name = `"${printable(path)}"`;
  try {
    const file = Deno.openSync(path);
    return { source: fileSource(file), name, [Symbol.dispose]: () => file.close() };
  } catch (cause) {
    throw new Failure("recording", `Cannot read ${name}: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws {Failure} `usage` if what is read would be overwritten */
export function requireOther(from: string, output: string | null): void {
  if (output === null || from === "-") return;
  try {
    const [one, other] = [Deno.statSync(from), Deno.statSync(output)];
    if (!one.isFile || one.dev !== other.dev || one.ino !== other.ino) return;
  } catch {
    // One of them is not there, which is told when it is opened.
    return;
  }
  throw new Failure("usage", `Cannot write to the recording itself: "${printable(output)}"`);
}

/** A recording that can be read again from its start. */
export interface TwiceRecording extends OpenRecording {
  /** How the user ends what follows. */
  readonly signals: TraceSignals;
}

/** Bytes that are copied at a time. */
const COPY_BYTES = 1 << 20;

/**
 * Opens a recording that is read several times: a pipe is copied to a temporary file without a name. A signal
 * ends that, and what has come until then is the recording.
 *
 * @param path `-` for stdin
 * @throws {Failure} `recording` if it cannot be opened, or the copy cannot be made
 */
export async function openTwice(
  path: string,
  log: Log,
  signals: TraceSignals,
): Promise<TwiceRecording> {
  using resources = new DisposableStack();
  const name = path === "-" ? "standard input" : `"${printable(path)}"`;
  const stopped = new Promise<null>((resolve) => {
    if (signals.stop.aborted) resolve(null);
    else signals.stop.addEventListener("abort", () => resolve(null), { once: true });
  });
  const unreadable = (cause: unknown): Failure =>
    new Failure("recording", `Cannot read ${name}: ${reasonOf(cause)}`, { cause });
  // A named pipe waits for its writer.
  const opening = path === "-" ? Promise.resolve(Deno.stdin) : Deno.open(path);
  const file = await Promise.race([opening, stopped]).catch((cause) => {
    throw unreadable(cause);
  });
  if (file === null) void opening.then((late) => late.close(), () => {});
  else if (file !== Deno.stdin) resources.defer(() => file.close());
  const source = file && fileSource(file);
  if (source?.rewind !== undefined) {
    const opened = resources.move();
    return { source, name, signals, [Symbol.dispose]: () => opened.dispose() };
  }
  const copy = temporaryFor(name);
  using unfinished = new DisposableStack();
  unfinished.defer(() => copy.close());
  const buffer = new Uint8Array(COPY_BYTES);
  let copied = 0;
  while (file !== null) {
    const read = await Promise.race([file.read(buffer), stopped]).catch((cause) => {
      throw unreadable(cause);
    });
    if (read === null) break;
    append(copy, buffer.subarray(0, read), name);
    const before = copied;
    copied += read;
    // Not all of what may have no end.
    if (before < HEAD_BYTES && copied >= HEAD_BYTES && isForeign(copy)) break;
  }
  copy.seekSync(0, Deno.SeekMode.Start);
  unfinished.move();
  return {
    source: fileSource(copy),
    name,
    signals: signals.stop.aborted && copied > 0 ? endedBefore(name, log, signals) : signals,
    [Symbol.dispose]: () => copy.close(),
  };
}

/** What ends the rest, once a signal has ended the reading. */
function endedBefore(name: string, log: Log, signals: TraceSignals): TraceSignals {
  log.info(`Interrupted: what has been read of ${name} so far follows; Ctrl-C gives that up`);
  return { stop: signals.cut, cut: signals.cut, end: () => signals.end() };
}

function temporaryFor(name: string): Deno.FsFile {
  try {
    return openUnnamed();
  } catch (cause) {
    throw uncopied(name, cause);
  }
}

function append(copy: Deno.FsFile, bytes: Uint8Array, name: string): void {
  try {
    for (let done = 0; done < bytes.length;) done += copy.writeSync(bytes.subarray(done));
  } catch (cause) {
    throw uncopied(name, cause);
  }
}

function uncopied(name: string, cause: unknown): Failure {
  const message = `Cannot copy ${name} to a temporary file: ${reasonOf(cause)}`;
  return new Failure("recording", message, { cause });
}

/** Whether what is copied so far does not begin as recordings do. */
function isForeign(copy: Deno.FsFile): boolean {
  const head = new Uint8Array(HEAD_BYTES);
  const end = copy.seekSync(0, Deno.SeekMode.Current);
  copy.seekSync(0, Deno.SeekMode.Start);
  copy.readSync(head);
  copy.seekSync(end, Deno.SeekMode.Start);
  return readHead(head) === "foreign";
}

/** @throws {Failure} `recording` if it is none, or one that this version cannot read */
export function readerOf({ source, name }: OpenRecording): RecordingReader {
  return new RecordingReader(source, name);
}
