/**
 * Small files of /proc and /sys that may not exist.
 *
 * @module
 */

/** Contents of a file; `null` if it cannot be read. */
export function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** Whether a file exists, readable or not. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The name of a thread of this machine; `null` if there is none (any more). */
export function threadName(thread: number): string | null {
  return readText(`/proc/${thread}/comm`)?.trimEnd() ?? null;
}

/**
 * Opens a new file that has no name: it goes away when it is closed.
 *
 * @throws {Error} Deno's, where temporary files cannot be made
 */
export function openUnnamed(): Deno.FsFile {
  const path = Deno.makeTempFileSync({ prefix: "vrft-" });
  const file = Deno.openSync(path, { read: true, write: true });
  Deno.removeSync(path);
  return file;
}
