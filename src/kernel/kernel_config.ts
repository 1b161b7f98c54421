/**
 * The configuration of the running kernel.
 *
 * @module
 */

/** A kernel's configuration. */
export interface KernelConfig {
  /** File that it was read from. */
  readonly path: string;
  /** Values by name, `CONFIG_` included: `y`, `m`, a number or a string in quotes. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Places of the configuration, best first: the kernel's own copy (CONFIG_IKCONFIG_PROC), those of
 * Debian and Ubuntu, of Fedora and RHEL, and of systems without /lib.
 *
 * @param release as printed by `uname -r`
 */
export function configPaths(release: string): string[] {
  return [
    "/proc/config.gz",
    `/boot/config-${release}`,
    `/lib/modules/${release}/config`,
    `/usr/lib/modules/${release}/config`,
  ];
}

/**
 * Reads the first of `paths` that contains a configuration, uncompressing names that end in `.gz`.
 *
 * @returns `null` if none can be read
 */
export async function readKernelConfig(paths: readonly string[]): Promise<KernelConfig | null> {
  for (const path of paths) {
    try {
      const bytes = await Deno.readFile(path);
      const options = parseKernelConfig(path.endsWith(".gz") ? await unpack(bytes) : text(bytes));
      // An empty file does not mean that nothing is set.
      if (options.size > 0) return { path, options };
    } catch {
      // Try the next place: each is optional, and some are only readable by root.
    }
  }
  return null;
}

/**
 * Reads the format of `.config` (Documentation/kbuild/kconfig.rst): `CONFIG_NAME=value`, and comments,
 * among them `# CONFIG_NAME is not set`. Unset options are omitted.
 */
export function parseKernelConfig(config: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const [, name, value] of config.matchAll(/^(CONFIG_\w+)=(.*?)\r?$/gm)) {
    if (name !== undefined && value !== undefined) options.set(name, value);
  }
  return options;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function unpack(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}
