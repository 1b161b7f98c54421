/**
 * Assembles the launcher and its parts into one file:
 * `deno run -RW assemble.ts OUTPUT LAUNCHER RUNTIME RUNTIME.zst LIBGCC LIBGCC.zst PROGRAM PROGRAM.zst`.
 * Each part is passed both raw and as the zstd frame that goes into the file.
 *
 * @module
 */

import { encodeTrailer, type Part } from "./trailer.ts";

/** Concatenates the files. */
class Assembly {
  #offset = 0;

  constructor(private readonly output: Deno.FsFile) {}

  add(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length;) {
      written += this.output.writeSync(bytes.subarray(written));
    }
    this.#offset += bytes.length;
  }

  addPart(file: string, frame: string): Part {
    const bytes = Deno.readFileSync(frame);
    const part = { offset: this.#offset, packed: bytes.length, size: Deno.statSync(file).size };
    this.add(bytes);
    return part;
  }
}

const [output, launcher, runtime, runtimeFrame, libgcc, libgccFrame, program, programFrame] =
  Deno.args;
if (
  !output || !launcher || !runtime || !runtimeFrame || !libgcc || !libgccFrame || !program ||
  !programFrame
) {
  throw new Error("Expected the output file, the launcher, and two files per part");
}
using file = Deno.openSync(output, { write: true, create: true, truncate: true, mode: 0o755 });
const assembly = new Assembly(file);
assembly.add(Deno.readFileSync(launcher));
const parts = {
  runtime: assembly.addPart(runtime, runtimeFrame),
  libgcc: assembly.addPart(libgcc, libgccFrame),
  program: assembly.addPart(program, programFrame),
};
const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(runtime));
assembly.add(encodeTrailer({ parts, runtimeDigest: new Uint8Array(digest) }));
