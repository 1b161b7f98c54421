/**
 * What system this is, for the first lines of the log.
 *
 * @module
 */

/** A Linux distribution as it describes itself. */
export interface Distribution {
  /** Without version: `Debian GNU/Linux`. */
  readonly name: string;
  /** `12`; empty for one that has no versions, such as Debian's unstable. */
  readonly version: string;
}

/** Files that a distribution describes itself in, best first: os-release(5). */
export const OS_RELEASE_PATHS: readonly string[] = ["/etc/os-release", "/usr/lib/os-release"];

/**
 * Reads os-release(5): shell assignments of `NAME` and `VERSION_ID`, among others. Lines that are none
 * are passed over.
 */
export function parseOsRelease(bytes: Uint8Array): Distribution {
  const values = new Map<string, string>();
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    const [, key, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, unquote(value));
  }
  return { name: values.get("NAME") ?? "Linux", version: values.get("VERSION_ID") ?? "" };
}

/** Undoes the quotes of a shell; variables are not substituted, as the format demands. */
function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  const inner = /^".*"$/.test(value) ? value.slice(1, -1) : value;
  return inner.replace(/\\(["'$\\`])/g, "$1");
}

/** The distribution of this machine; `Linux` without version where it does not say. */
export function readDistribution(paths: readonly string[] = OS_RELEASE_PATHS): Distribution {
  for (const path of paths) {
    try {
      return parseOsRelease(Deno.readFileSync(path));
    } catch {
      // The next place, or the default: a trace does not fail for the name of the distribution.
    }
  }
  return parseOsRelease(new Uint8Array());
}
