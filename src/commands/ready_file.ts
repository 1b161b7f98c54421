/**
 * `--ready-file`: tells a script that events are being recorded.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";

/**
 * Removes the ready file of an earlier trace, which would be mistaken for this one's. Such files are
 * empty; nothing else is removed.
 */
export function removeStale(path: string | null): void {
  if (path === null) return;
  try {
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile || size > 0) {
      throw new Failure("output", "it exists, and is not an empty file left by an earlier trace");
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unusable(path, error);
  }
}

/** Creates the file. @throws {Failure} if it exists or cannot be created */
export function announce(path: string | null): void {
  if (path === null) return;
  try {
    Deno.writeFileSync(path, new Uint8Array(), { createNew: true });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): Failure {
  return new Failure(
    "output",
    `Cannot create the ready file "${printable(path)}": ${reasonOf(cause)}`,
    {
      cause,
    },
  );
}
