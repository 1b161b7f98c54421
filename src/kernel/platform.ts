/**
 * Describes this system, for the first lines of the log.
 *
 * @module
 */

/** A Linux distribution, in its own words. */
export interface Distribution {
  /** Without version: `Debian GNU/Linux`. */
  readonly name: string;
  /** `12`; empty for one without versions, such as Debian unstable. */
  readonly version: string;
}

/** Files that describe the distribution, best first: os-release(5). */
export const OS_RELEASE_PATHS: readonly string[] = ["/etc/os-release", "/usr/lib/os-release"];

/**
 * Reads os-release(5): shell assignments of `NAME` and `VERSION_ID`, among others. Other lines
 * are skipped.
 */
export function parseOsRelease(bytes: Uint8Array): Distribution {
  const values = new Map<string, string>();
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    const [, key, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, unquote(value));
  }
  return { name: values.get("NAME") ?? "Linux", version: values.get("VERSION_ID") ?? "" };
}

/** Removes shell quotes; variables are not substituted, as the format requires. */
function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  const inner = /^".*"$/.test(value) ? value.slice(1, -1) : value;
  return inner.replace(/\\(["'$\\`])/g, "$1");
}

/** The distribution of this machine; `Linux` without version if unknown. */
export function readDistribution(paths: readonly string[] = OS_RELEASE_PATHS): Distribution {
  for (const path of paths) {
    try {
      return parseOsRelease(Deno.readFileSync(path));
    } catch {
      // Try the next place, or use the default: a trace does not fail for this.
    }
  }
  return parseOsRelease(new Uint8Array());
}
