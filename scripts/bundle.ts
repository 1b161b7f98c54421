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

/** What the framework finds in place of Node's modules: enough to be loaded. */
const STUBS: Readonly<Record<string, string>> = {
  "node:child_process": "export default {};",
  "node:fs": "export default {};",
  "node:path": "export default {};",
  "node:process": "export default { env: {}, stdout: {}, stderr: {} };",
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

/** See RUNTIME in src/build_info.ts. */
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
