/**
 * The output of scripts/build.
 *
 * @module
 */

import type { ObjectName } from "../../src/probe/backend.ts";
import type { BuildInfo } from "../../src/version.ts";

const ROOT = new URL("../..", import.meta.url);

let built = false;

/**
 * The bytes of an object file, by default that for tests. If one is missing or older than its sources,
 * all are built first.
 *
 * @throws with the compiler's output if the build fails
 */
export function builtObject(name: ObjectName | "test" = "test"): Uint8Array<ArrayBuffer> {
  build();
  return Deno.readFileSync(new URL(`build/${name}.bpf.o`, ROOT));
}

/** The build's info; built first if needed, like the objects. */
export function builtInfo(): BuildInfo {
  build();
  return JSON.parse(Deno.readTextFileSync(new URL("build/info.json", ROOT)));
}

function build(): void {
  if (built) return;
  const script = new Deno.Command("scripts/build", { cwd: ROOT, stdin: "null" });
  const { success, stderr } = script.outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  built = true;
}

/** A file of the folder bpf/. */
export function bpfSource(name: string): string {
  return Deno.readTextFileSync(new URL(`bpf/${name}`, ROOT));
}
