/**
 * The BPF object as scripts/build makes it.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url);

let built: Uint8Array<ArrayBuffer> | undefined;

/**
 * The object file's bytes, a copy; the object is built first where it is missing or older than its
 * sources.
 *
 * @throws with what the compiler says when it cannot be built
 */
export function builtObject(): Uint8Array<ArrayBuffer> {
  if (built === undefined) {
    const script = new Deno.Command("scripts/build", { cwd: ROOT, stdin: "null" });
    const { success, stderr } = script.outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    built = Deno.readFileSync(new URL("build/vrft.bpf.o", ROOT));
  }
  return built.slice();
}

/** A file of the folder bpf/. */
export function bpfSource(name: string): string {
  return Deno.readTextFileSync(new URL(`bpf/${name}`, ROOT));
}
