/**
 * Opens recordings for the commands that read them.
 *
 * @module
 */

import { RecordingReader } from "../recording/reader.ts";
import { fileSource, type RecordingSource } from "../recording/source.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { openUnnamed } from "../sys/files.ts";
import { printable } from "../sys/printable.ts";

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

/** Bytes that are copied at a time. */
const COPY_BYTES = 1 << 20;

/**
 * Opens a recording that is read several times: a pipe is copied to a temporary file without a name.
 *
 * @param path `-` for stdin
 * @throws {Failure} `recording` if it cannot be opened, or the copy cannot be made
 */
export function openTwice(path: string): OpenRecording {
  const open = openRecording(path);
  if (open.source.rewind !== undefined) return open;
  using pipe = open;
  const { source, name } = pipe;
  try {
    const file = openUnnamed();
    const buffer = new Uint8Array(COPY_BYTES);
    for (let read = source.read(buffer); read > 0; read = source.read(buffer)) {
      for (let done = 0; done < read;) done += file.writeSync(buffer.subarray(done, read));
    }
    file.seekSync(0, Deno.SeekMode.Start);
    return { source: fileSource(file), name, [Symbol.dispose]: () => file.close() };
  } catch (cause) {
    throw new Failure("recording", `Cannot copy ${name} to a temporary file: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** @throws {Failure} `recording` if it is none, or one that this version cannot read */
export function readerOf({ source, name }: OpenRecording): RecordingReader {
  return new RecordingReader(source, name);
}
