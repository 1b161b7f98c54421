/**
 * Prints `ready`, and then the name of each file that is made in a directory: `deno run -A watch.ts
 * DIRECTORY`. A process of its own, because a watcher sees the mount namespace of its process alone.
 *
 * @module
 */

const [directory] = Deno.args;
if (directory === undefined) throw new Error("The directory to watch is missing");
using watcher = Deno.watchFs(directory, { recursive: false });
console.log("ready");
for await (const { kind, paths } of watcher) {
  if (kind === "create") console.log(paths.map((path) => path.split("/").at(-1)).join("\n"));
}
