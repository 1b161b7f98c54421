/**
 * Reads the input of the checks. Nothing here fails: what cannot be read is `null`.
 *
 * @module
 */

import { Btf, BtfError } from "../kernel/btf.ts";
import { readBtfFile } from "../kernel/btf_file.ts";
import { elfSection, isElf } from "../kernel/elf.ts";
import { packetOffsets } from "../kernel/packet_offsets.ts";
import {
  type KernelSources,
  readSources,
  type SourceOptions,
  SYSTEM_PATHS,
} from "../kernel/sources.ts";
import { findSymbols, VMLINUX } from "../kernel/symbols.ts";
import { Failure } from "../sys/failure.ts";
import { exists } from "../sys/files.ts";
import { type LayoutAgreement, layoutAgreement } from "./btf_layouts.ts";
import { agreement, undescribed } from "./btf_match.ts";
import type { KernelBtfFacts, VrouterBtfFacts } from "./btf.ts";
import type { Evidence } from "./kernel_options.ts";

const VROUTER = "vrouter";
const TRACEFS_PLACES = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const MODULE_BUILD_ID = "/sys/module/vrouter/notes/.note.gnu.build-id";

function readBytes(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch {
    return null;
  }
}

/**
 * Where tracefs is mounted, of its two usual places; `null` for neither.
 *
 * @param mounts contents of /proc/self/mounts
 */
export function tracefsMount(mounts: string): string | null {
  const mounted = [...mounts.matchAll(/^\S+ (\S+) tracefs /gm)].map(([, place]) => place);
  return TRACEFS_PLACES.find((place) => mounted.includes(place)) ?? null;
}

/** The kernel's sources, and why missing ones cannot be used. */
export interface LoadedSources {
  /** `null` if the kernel's BTF cannot be used. */
  readonly sources: KernelSources | null;
  /** Why the kernel's BTF cannot be used. */
  readonly kernelFailure: string | null;
  /** Why vrouter's cannot. */
  readonly vrouterFailure: string | null;
  readonly kallsyms: Uint8Array | null;
  readonly filterFunctions: Uint8Array | null;
}

/** Reads the sources; without vrouter's BTF if that is the problem. */
export async function loadSources(
  options: SourceOptions,
  read: typeof readSources = readSources,
): Promise<LoadedSources> {
  const loaded = (sources: KernelSources, vrouterFailure: string | null): LoadedSources => {
    const { kallsyms, filterFunctions } = sources;
    return { sources, kernelFailure: null, vrouterFailure, kallsyms, filterFunctions };
  };
  try {
    return loaded(await read(options), null);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    try {
      return loaded(await read({ ...options, vrouter: false }), error.message);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return {
        sources: null,
        kernelFailure: error.message,
        vrouterFailure: null,
        kallsyms: readBytes(SYSTEM_PATHS.kallsyms),
        filterFunctions: SYSTEM_PATHS.filterFunctions.map(readBytes).find((one) => one !== null) ??
          null,
      };
    }
  }
}

/** Which of `evidence` this kernel has; `null` if that cannot be known. */
export function readEvidence(
  evidence: readonly Evidence[],
  kallsyms: Uint8Array | null,
): (boolean | null)[] {
  const names = evidence.flatMap((one) => "symbol" in one ? [one.symbol] : []);
  const found = new Set(
    (kallsyms === null ? [] : findSymbols(kallsyms, names))
      .filter(({ module }) => module === VMLINUX).map(({ name }) => name),
  );
  return evidence.map((one) => {
    if ("file" in one) return exists(one.file);
    return kallsyms === null || kallsyms.length === 0 ? null : found.has(one.symbol);
  });
}

/** Facts about the kernel's BTF. @param named whether the user passed the file */
export function kernelBtfFacts(sources: KernelSources, named: boolean): KernelBtfFacts {
  const btf = sources.kernel;
  const compare = named && sources.kallsyms !== null;
  return {
    path: sources.kernelBtf,
    types: btf.endId - 1,
    agreement: compare ? agreement(btf, sources.kallsyms, VMLINUX) : null,
    layouts: named ? layoutsShown(btf, VMLINUX) : null,
  };
}

/** Facts about vrouter's BTF; `null` if there is none. @param loaded whether the module is */
export async function vrouterBtfFacts(
  sources: KernelSources,
  loaded: boolean,
): Promise<VrouterBtfFacts | null> {
  const btf = btfOf(sources, VROUTER);
  const { vrouterBtf: path, kallsyms } = sources;
  if (btf === undefined || path === null) return null;
  const own = path === `${SYSTEM_PATHS.btf}/${VROUTER}`;
  const compare = loaded && kallsyms !== null;
  const file = loaded ? await readBtfFile(path).catch(() => null) : null;
  return {
    path,
    own,
    describesPackets: packetOffsets(sources.modules) !== null,
    sameBuild: sameNote(buildIdNote(file), readBytes(MODULE_BUILD_ID)),
    agreement: compare ? agreement(btf, kallsyms, VROUTER) : null,
    kernelLayouts: btf.base === undefined ? layoutAgreement(btf, sources.kernel) : null,
    moduleLayouts: own ? null : layoutsShown(btf, VROUTER, sources.kernel),
    undescribed: compare ? undescribed(btf, kallsyms, VROUTER) : 0,
  };
}

/** How `btf` agrees with the kernel's own BTF of `module`; `null` if there is none. */
function layoutsShown(btf: Btf, module: string, kernel?: Btf): LayoutAgreement | null {
  const bytes = readBytes(`${SYSTEM_PATHS.btf}/${module}`);
  try {
    return bytes === null ? null : layoutAgreement(btf, Btf.parse(bytes, kernel));
  } catch (error) {
    if (error instanceof BtfError) return null;
    throw error;
  }
}

function btfOf({ modules }: KernelSources, wanted: string): Btf | undefined {
  return modules.find(({ module }) => module === wanted)?.btf;
}

/** The build id note of an ELF file; `null` for raw BTF, which has none. */
export function buildIdNote(file: Uint8Array | null): Uint8Array | null {
  try {
    return file !== null && isElf(file) ? elfSection(file, ".note.gnu.build-id") ?? null : null;
  } catch {
    return null;
  }
}

/** Whether two notes are the same; `null` if one is missing. */
export function sameNote(a: Uint8Array | null, b: Uint8Array | null): boolean | null {
  if (a === null || b === null) return null;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
