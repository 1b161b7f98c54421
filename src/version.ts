/**
 * What this program was built from, and what runs it.
 *
 * @module
 */

/** What scripts/build writes down, in build/info.json. */
export interface BuildInfo {
  /** Version of vrft: `0.1.0`. */
  readonly version: string;
  /** Twelve digits, with `-dirty` if files differed from it; `unknown` outside a checkout. */
  readonly commit: string;
  /** Upstream versions of the libraries inside, by name. */
  readonly libraries: {
    readonly libbpf: string;
    readonly libelf: string;
    readonly zlib: string;
    readonly libgcc: string;
    readonly libpcap: string;
  };
}

/**
 * What runs the program: a Deno that was there already, the one `deno compile` makes, or the one that
 * the launcher brings.
 */
export type Runtime = "deno" | "denort" | "launcher";

/** Put in by scripts/bundle.ts; nowhere defined when running from source. */
declare const VRFT_RUNTIME: Runtime | undefined;

/** What runs this program. */
export const RUNTIME: Runtime = typeof VRFT_RUNTIME === "undefined" ? "deno" : VRFT_RUNTIME;

/**
 * Text of `vrft --version`, of four lines.
 *
 * @param deno version of the running Deno
 */
export function versionText(info: BuildInfo, runtime: Runtime, deno: string): string {
  const { libbpf, libelf, zlib, libpcap } = info.libraries;
  return `vrft ${info.version}
commit ${info.commit}
runtime Deno ${deno} (${runtime})
libbpf ${libbpf}, libelf ${libelf}, zlib ${zlib}, libpcap ${libpcap}
`;
}
