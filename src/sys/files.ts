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
