/**
 * What scripts/build makes.
 *
 * @module
 */

import type { ObjectName } from "../../src/probe/backend.ts";
import type { BuildInfo } from "../../src/version.ts";

const ROOT = new URL("../..", import.meta.url);

let built = false;

/**
 * The bytes of an object file, by default of the one for tests; all are built first where one is
 * missing or older than its sources.
 *
 * @throws with what the compiler says when they cannot be built
 */
export function builtObject(name: ObjectName | "test" = "test"): Uint8Array<ArrayBuffer> {
  build();
  return Deno.readFileSync(new URL(`build/${name}.bpf.o`, ROOT));
}

/** What the build knows of itself; built first, as objects are. */
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
