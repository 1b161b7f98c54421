/**
 * Whether the kernel shows the BTF of modules at all, or only that of one module is missing.
 *
 * @module
 */

import { type DiscoveryInput, VROUTER } from "./functions.ts";
import { findSymbols, listsModule, VMLINUX } from "./symbols.ts";

/** Symbol of kernels with CONFIG_DEBUG_INFO_BTF_MODULES (5.11). */
export const MODULE_BTF_SYMBOL = "btf_module_notify";

/**
 * Why there is no BTF of the vrouter module in the kernel, in words that follow
 * `Cannot find the BTF of the vrouter module: `.
 *
 * @param sources with `leftOut`, where the BTF of other modules shows that the kernel has some
 */
export function whyNoModuleBtf(
  { modules, leftOut, kallsyms }: Pick<DiscoveryInput, "modules" | "leftOut" | "kallsyms">,
): string {
  if (kallsyms !== null && !listsModule(kallsyms, VROUTER)) return "it is not loaded";
  const shown = modules.some(({ module }) => module !== VMLINUX) || leftOut.length > 0 ||
    (kallsyms !== null && findSymbols(kallsyms, [MODULE_BTF_SYMBOL])
      .some(({ module, suffix }) => module === VMLINUX && suffix === ""));
  return shown
    ? "the loaded module was built without BTF, as where its build finds no vmlinux"
    : "this kernel has none of modules";
}
