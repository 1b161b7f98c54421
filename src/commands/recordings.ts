/**
 * Opens recordings for the commands that read them.
 *
 * @module
 */

import { RecordingReader } from "../recording/reader.ts";
import { fileSource, type RecordingSource } from "../recording/source.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
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

/** @throws {Failure} `recording` if it is none, or one that this version cannot read */
export function readerOf({ source, name }: OpenRecording): RecordingReader {
  return new RecordingReader(source, name);
}
