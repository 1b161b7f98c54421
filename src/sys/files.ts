/**
 * Small files of /proc and /sys that need not be there.
 *
 * @module
 */

/** Contents of a file; `null` when it cannot be read. */
export function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** Whether there is a file, readable or not. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
