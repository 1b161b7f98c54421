/**
 * Whether the kernel lacks BTF of all modules, or only of one.
 *
 * @module
 */

import { type DiscoveryInput, VROUTER } from "./functions.ts";
import { findSymbols, listsModule, VMLINUX } from "./symbols.ts";

/** Symbol of kernels with CONFIG_DEBUG_INFO_BTF_MODULES (5.11). */
export const MODULE_BTF_SYMBOL = "btf_module_notify";

/**
 * Why the kernel has no BTF of the vrouter module, as the continuation of
 * `Cannot find the BTF of the vrouter module: `.
 *
 * @param sources with `leftOut`: BTF of other modules shows that the kernel supports it
 */
export function whyNoModuleBtf(
  { modules, leftOut, kallsyms }: Pick<DiscoveryInput, "modules" | "leftOut" | "kallsyms">,
): string {
  if (kallsyms !== null && !listsModule(kallsyms, VROUTER)) return "it is not loaded";
  const shown = modules.some(({ module }) => module !== VMLINUX) || leftOut.length > 0 ||
    (kallsyms !== null && findSymbols(kallsyms, [MODULE_BTF_SYMBOL])
      .some(({ module, suffix }) => module === VMLINUX && suffix === ""));
  return shown
    ? "the loaded module was built without BTF, for example without a vmlinux"
    : "this kernel has no BTF of modules";
}
