/**
 * Sinks for standard output and files. Files can take back an incomplete row.
 *
 * @module
 */

import { takeBack, writeSome } from "../sys/descriptors.ts";
import { reasonOf } from "../sys/failure.ts";
import { errorText, SystemError } from "../sys/libc.ts";
import type { ByteSink } from "./line_writer.ts";

const STDOUT = 1;

/** Standard output of this process. */
export const STANDARD_OUTPUT: ByteSink = {
  write: (bytes) => isFile() ? writeToFile(bytes) : Deno.stdout.write(bytes),
  takeBack(bytes: number): void {
    try {
      if (isFile()) takeBack(STDOUT, bytes);
    } catch {
      // The incomplete row stays; the error that caused it is reported.
    }
  },
};

let known: boolean | undefined;

/** Without the permission to read, which `--version` does not need, this is unknown: no file. */
function isFile(): boolean {
  if (known !== undefined) return known;
  try {
    known = Deno.statSync(`/proc/self/fd/${STDOUT}`).isFile;
  } catch {
    known = false;
  }
  return known;
}

/**
 * Deno writes all bytes or fails, so on a full disk nobody would know how many it has written. The page
 * cache takes them without waiting for a reader, so this thread can do it.
 */
function writeToFile(bytes: Uint8Array): Promise<number> {
  try {
    return Promise.resolve(writeSome(STDOUT, bytes));
  } catch (cause) {
    const reason = cause instanceof SystemError ? errorText(cause.errno) : reasonOf(cause);
    return Promise.reject(new Error(reason, { cause }));
  }
}

/** Removes the last `bytes` bytes written to a file, if nothing follows them. */
export function takeBackFrom(file: Deno.FsFile, bytes: number): void {
  try {
    const { isFile, size } = file.statSync();
    if (!isFile || file.seekSync(0, Deno.SeekMode.Current) !== size) return;
    file.truncateSync(size - bytes);
    file.seekSync(-bytes, Deno.SeekMode.Current);
  } catch {
    // The incomplete row stays; the error that caused it is reported.
  }
}
