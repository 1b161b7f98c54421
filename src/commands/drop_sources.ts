/**
 * What drops are told by, of every command that shows them.
 *
 * @module
 */

import { Btf, BtfError } from "../kernel/btf.ts";
import { dropOffsets } from "../kernel/drop_offsets.ts";
import { type DescribedKernel, SYSTEM_PATHS } from "../kernel/sources.ts";
import type { NetworkNamespaces } from "../sys/network.ts";
import { dropWords } from "../trace/drop_words.ts";
import type { DropSources } from "../trace/drops.ts";
import { deviceNames } from "./device_names.ts";
import type { Surroundings } from "./session.ts";

/** The sources, for this kernel and module. */
export function dropSources(
  { kernel, vrouter }: Pick<DescribedKernel, "kernel" | "vrouter">,
  namespaces: NetworkNamespaces,
  around: Surroundings,
): DropSources {
  const vifs = (): ReturnType<DropSources["vifs"]> => around.vifWatch?.vifs ?? [];
  return {
    words: dropWords(kernel, vrouter, (module) => kernelBtfOf(module, kernel)),
    offsets: vrouter === null ? {} : dropOffsets(vrouter),
    vifs,
    vrouterNetns: namespaces.initial ?? 0,
    device: deviceNames(namespaces, vifs),
    kallsyms: () => Deno.readFileSync("/proc/kallsyms"),
  };
}

/** The kernel's BTF of a module; `null` if it has none, or none that can be read. */
export function kernelBtfOf(module: string, kernel: Btf): Btf | null {
  try {
    return Btf.parse(Deno.readFileSync(`${SYSTEM_PATHS.btf}/${module}`), kernel);
  } catch (error) {
    if (error instanceof BtfError || error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
