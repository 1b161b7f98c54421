/**
 * What a program does with vrft as a library, root or not: `deno run -A examples/library.ts` says how
 * many functions of this kernel take a packet, and which interfaces its vrouter module has.
 *
 * @module
 */

import {
  CallTree,
  discover,
  type DiscoveryInput,
  EVENT_BYTES,
  Failure,
  listVifs,
  type NetlinkTransport,
  readSources,
  readVifs,
  type View,
} from "../mod.ts";

/** The functions of a kernel that take a packet, each as `module:name`. */
export function packetFunctions(kernel: Omit<DiscoveryInput, "functions" | "excludes">): string[] {
  const { functions } = discover({ ...kernel, functions: [], excludes: [] });
  return functions.map(({ module, name }) => `${module}:${name}`);
}

/** The interfaces that a vrouter module lists, over a socket or out of a recording. */
export function vifNames(transport: NetlinkTransport): string[] {
  return listVifs(transport).map(({ index, name }) => `vif0/${index} ${name}`);
}

/** Draws call trees from records, such as a `Tracer` hands to its consumer. */
export function drawCalls(functions: readonly string[], records: Uint32Array): string[] {
  const lines: string[] = [];
  const draw = (depth: number, text: string): number => lines.push("  ".repeat(depth) + text);
  const view: View = {
    enter: ({ depth, fn }) => draw(depth, `${functions[fn]} {`),
    leave: ({ depth }) => draw(depth, "}"),
    abandon: ({ depth }, why) => draw(depth, `} (${why})`),
    orphan: ({ depth, fn }) => draw(depth, `} (of ${functions[fn]}: entry lost)`),
  };
  const tree = new CallTree(view, functions.length);
  const words = EVENT_BYTES / Uint32Array.BYTES_PER_ELEMENT;
  for (let at = 0; at + words <= records.length; at += words) {
    tree.record(records, at, EVENT_BYTES);
  }
  tree.finish();
  return lines;
}

async function main(): Promise<void> {
  try {
    const sources = await readSources({ kernelBtf: null, vrouterBtf: null, vrouter: true });
    console.log(`${packetFunctions(sources).length} functions take a packet`);
    for (const { index, name } of readVifs()) console.log(`vif0/${index} ${name}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    switch (error.kind) {
      case "vrouter_absent":
        return console.log("There is no vrouter module");
      default:
        console.error(error.message);
        Deno.exitCode = 1;
    }
  }
}

if (import.meta.main) await main();
