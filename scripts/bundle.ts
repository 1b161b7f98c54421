/**
 * Bundles the program into one file: `deno run -A scripts/bundle.ts OUTPUT deno|denort|launcher`. The last
 * argument is what will run it, for `vrft --version`.
 *
 * Loading Node's modules takes most of the time of a short run of vrft. The command framework imports them
 * for features that are not used here (commands that are separate programs, and exiting), so they are
 * omitted.
 *
 * @module
 */

import * as esbuild from "esbuild";

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

/** See RUNTIME in src/version.ts. */
const RUNTIMES = ["deno", "denort", "launcher"];

const [output, runtime] = Deno.args;
if (output === undefined) throw new Error("The file to write is missing");
if (runtime === undefined || !RUNTIMES.includes(runtime)) {
  throw new Error(`What runs it is one of ${RUNTIMES.join(", ")}, not "${runtime ?? ""}"`);
}
await esbuild.build({
  entryPoints: ["src/main.ts"],
  bundle: true,
  format: "esm",
  target: "esnext",
  outfile: output,
  plugins: [stubs],
  define: { VRFT_RUNTIME: JSON.stringify(runtime) },
  logLevel: "warning",
});
await esbuild.stop();
