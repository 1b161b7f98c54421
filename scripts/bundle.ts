/**
 * Bundles the program into one file: `deno run -A scripts/bundle.ts OUTPUT deno|denort|launcher`. The last
 * argument is what will run it, for `vrft --version`. For the launcher the file is in the format of
 * scripts/launcher/program.ts, for the others it is a module.
 *
 * Loading Node's modules takes most of the time of a short run of vrft. The command framework imports them
 * for features that are not used here (commands that are separate programs, and exiting), so they are
 * omitted.
 *
 * @module
 */

import * as esbuild from "esbuild";
import { encodeProgram } from "./launcher/program.ts";

/** The part of Node's class that the framework uses: commands call the handlers of their options. */
const EVENTS = `
  export class EventEmitter {
    #handlers = new Map();
    on(event, handler) {
      this.#handlers.set(event, [...this.#handlers.get(event) ?? [], handler]);
      return this;
    }
    emit(event, ...values) {
      for (const handler of this.#handlers.get(event) ?? []) handler.apply(this, values);
      return this.#handlers.has(event);
    }
    listenerCount(event) {
      return this.#handlers.get(event)?.length ?? 0;
    }
  }`;

/** Replacements of Node's modules for the framework: what it uses of them, or enough to load. */
const STUBS: Readonly<Record<string, string>> = {
  "node:child_process": "export default {};",
  "node:events": EVENTS,
  "node:fs": "export default {};",
  "node:path": "export default {};",
  "node:process": "export default { env: {}, stdout: {}, stderr: {} };",
  // To measure the width of help, which has no colours.
  "node:util": "export const stripVTControlCharacters = (text) => text;",
};

const stubs: esbuild.Plugin = {
  name: "stubs",
  setup(build): void {
    build.onResolve(
      { filter: /^node:/ },
      ({ path }) => path in STUBS ? { path, namespace: "stub" } : { path, external: true },
    );
    build.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({ contents: STUBS[path]! }));
  },
};

/** Files imported as bytes, by name. */
const packed = new Map<string, Uint8Array>();

/** Leaves these files out of the script: as text in it, all of them would be read at every start. */
const pack: esbuild.Plugin = {
  name: "pack",
  setup(build): void {
    build.onLoad({ filter: /.*/ }, async ({ path, with: attributes }) => {
      if (attributes["type"] !== "bytes") return undefined;
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (packed.has(name)) throw new Error(`There are two files of the name ${name}`);
      packed.set(name, await Deno.readFile(path));
      return { contents: `export default packedFile(${JSON.stringify(name)});` };
    });
  },
};

/** See RUNTIME in src/version.ts. */
const RUNTIMES = ["deno", "denort", "launcher"];

const [output, runtime] = Deno.args;
if (output === undefined) throw new Error("The file to write is missing");
if (runtime === undefined || !RUNTIMES.includes(runtime)) {
  throw new Error(`What runs it is one of ${RUNTIMES.join(", ")}, not "${runtime ?? ""}"`);
}
const common: esbuild.BuildOptions = {
  bundle: true,
  format: "esm",
  target: "esnext",
  define: { VRFT_RUNTIME: JSON.stringify(runtime) },
  logLevel: "warning",
};
if (runtime === "launcher") {
  await Deno.writeFile(output, await bundleProgram());
} else {
  await esbuild.build({
    ...common,
    entryPoints: ["src/main.ts"],
    outfile: output,
    plugins: [stubs],
  });
}
await esbuild.stop();

/** The program for the launcher. */
async function bundleProgram(): Promise<Uint8Array> {
  const { outputFiles, metafile } = await esbuild.build({
    ...common,
    entryPoints: ["src/main.ts"],
    plugins: [stubs, pack],
    define: { ...common.define, "import.meta.main": "true" },
    // To read less. Names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 100,
    metafile: true,
    write: false,
    outfile: "vrft.js",
  });
  const [script] = outputFiles;
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  if (script === undefined || left.length > 0) {
    const names = left.map(({ path }) => path).join(", ");
    throw new Error(`The launcher's program cannot import anything: ${names}`);
  }
  // Files in the order of their names: that of the bundler changes.
  const files = [...packed].sort(([one], [other]) => one < other ? -1 : 1);
  return encodeProgram(script.text, new Map(files));
}
