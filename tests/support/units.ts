/**
 * The systemd units of the Debian package, as far as tests need them.
 *
 * @module
 */

/** Names of the units. */
export const UNITS = ["vrft-exporter", "vrft-recorder"] as const;

/** A unit. */
export interface Unit {
  /** Arguments of vrft. */
  readonly args: readonly string[];
  /** Names of the capabilities that it may have. */
  readonly capabilities: readonly string[];
  /** Values of a setting. */
  readonly values: (setting: string) => string[];
}

/** Reads a unit. @param folder that of the units */
export function readUnit(folder: URL, name: typeof UNITS[number]): Unit {
  const text = Deno.readTextFileSync(new URL(`${name}.service`, folder)).replaceAll("\\\n", " ");
  const values = (setting: string): string[] =>
    Array.from(text.matchAll(new RegExp(`^${setting}=(.*)$`, "gm")), ([, value]) => value!);
  const [program, ...args] = values("ExecStart")[0]!.split(/\s+/);
  if (program !== "/usr/bin/vrft") throw new Error(`${name} runs ${program}`);
  return { args, capabilities: values("CapabilityBoundingSet")[0]!.split(" "), values };
}
