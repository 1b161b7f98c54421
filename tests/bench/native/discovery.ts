/**
 * Times discovery on the files of a kernel: from BTF and the lists of symbols, on disk, to the list
 * of functions. Once, because that is what a start of vrft pays for.
 *
 * Argument: a folder with `btf/vmlinux`, `btf/MODULE`…, `kallsyms` and `available_filter_functions`.
 * Prints `{ functions, ms }`.
 *
 * @module
 */

import { discover } from "../../../src/kernel/functions.ts";
import { readSources } from "../../../src/kernel/sources.ts";

const folder = Deno.args[0];
const start = performance.now();
const sources = await readSources({ kernelBtf: null, vrouterBtf: null, vrouter: true }, {
  btf: `${folder}/btf`,
  vrouterBtf: `${folder}/none`,
  kallsyms: `${folder}/kallsyms`,
  filterFunctions: [`${folder}/available_filter_functions`],
});
const { functions, addressesKnown, traceabilityKnown } = discover({
  ...sources,
  functions: [],
  excludes: [],
});
const ms = performance.now() - start;
if (!addressesKnown || !traceabilityKnown || functions.length < 1000) {
  throw new Error(`Only ${functions.length} functions: ${sources.warnings.join("; ")}`);
}
console.log(JSON.stringify({ functions: functions.length, ms }));
