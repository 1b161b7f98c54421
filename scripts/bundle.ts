/**
 * Makes one file of the program: `deno run -A scripts/bundle.ts OUTPUT deno|denort|launcher`. The last
 * says what will run it, for `vrft --version`.
 *
 * Loading Node's modules is most of what a short run of vrft takes. The command framework imports
 * them for what is never used here (commands that are programs of their own, and ending the process),
 * so they are left out.
 *
 * @module
 */

import * as esbuild from "esbuild";

/** A command of the framework calls the handlers of its own options: of Node's class no more is used. */
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

/** What the framework finds in place of Node's modules: what it uses of them, or enough to be loaded. */
const STUBS: Readonly<Record<string, string>> = {
  "node:child_process": "export default {};",
  "node:events": EVENTS,
  "node:fs": "export default {};",
  "node:path": "export default {};",
  "node:process": "export default { env: {}, stdout: {}, stderr: {} };",
  // To measure the width of help, which is written without colours.
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
