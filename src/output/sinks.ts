/**
 * Sinks for standard output and files. Files can take back an incomplete row.
 *
 * @module
 */

import { takeBack } from "../sys/descriptors.ts";
import type { ByteSink } from "./line_writer.ts";

const STDOUT = 1;

/** Standard output of this process. */
export const STANDARD_OUTPUT: ByteSink = {
  write: (bytes) => Deno.stdout.write(bytes),
  takeBack(bytes: number): void {
    try {
      if (Deno.statSync(`/proc/self/fd/${STDOUT}`).isFile) takeBack(STDOUT, bytes);
    } catch {
      // The incomplete row stays; the error that caused it is reported.
    }
  },
};

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
