/**
 * The BPF objects as scripts/build makes them.
 *
 * @module
 */

import type { ObjectName } from "../../src/probe/backend.ts";

const ROOT = new URL("../..", import.meta.url);

let built = false;

/**
 * The bytes of an object file, by default of the one for tests; all are built first where one is
 * missing or older than its sources.
 *
 * @throws with what the compiler says when they cannot be built
 */
export function builtObject(name: ObjectName | "test" = "test"): Uint8Array<ArrayBuffer> {
  if (!built) {
    const script = new Deno.Command("scripts/build", { cwd: ROOT, stdin: "null" });
    const { success, stderr } = script.outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    built = true;
  }
  return Deno.readFileSync(new URL(`build/${name}.bpf.o`, ROOT));
}

/** A file of the folder bpf/. */
export function bpfSource(name: string): string {
  return Deno.readTextFileSync(new URL(`bpf/${name}`, ROOT));
}
