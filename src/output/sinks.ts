/**
 * Where output goes: standard output and files, which take the half of a row back.
 *
 * @module
 */

import { takeBack } from "../sys/descriptors.ts";
import type { ByteSink } from "./line_writer.ts";

const STDOUT = 1;

/** This process' standard output. */
export const STANDARD_OUTPUT: ByteSink = {
  write: (bytes) => Deno.stdout.write(bytes),
  takeBack(bytes: number): void {
    try {
      if (Deno.statSync(`/proc/self/fd/${STDOUT}`).isFile) takeBack(STDOUT, bytes);
    } catch {
      // Then half a row stays. Why nothing follows it is being told.
    }
  },
};

/** Takes the last so many bytes written to a file back, if nothing is behind them. */
export function takeBackFrom(file: Deno.FsFile, bytes: number): void {
  try {
    const { isFile, size } = file.statSync();
    if (!isFile || file.seekSync(0, Deno.SeekMode.Current) !== size) return;
    file.truncateSync(size - bytes);
    file.seekSync(-bytes, Deno.SeekMode.Current);
  } catch {
    // Then half a row stays. Why nothing follows it is being told.
  }
}
