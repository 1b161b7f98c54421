import assert from "node:assert/strict";
import { cutDependency } from "../../scripts/cut_dependency.ts";
import { run, TemporaryFolder } from "../package/commands.ts";

const C = `
  int needed(void);
  int puts(const char *);
  int answer(void) { return 42; }
  int call(void) { puts(""); return needed(); }
`;

/** Builds libneeded.so.1, with a version for its symbol, and libtest.so, which needs it. */
async function build(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.writeTextFile(`${folder}/needed.c`, "int needed(void) { return 1; }");
  await Deno.writeTextFile(`${folder}/needed.map`, "NEEDED_1 { needed; };");
  await Deno.writeTextFile(`${folder}/test.c`, C);
  const options = ["-shared", "-fPIC", "-o"];
  await run("cc", [
    ...options,
    "libneeded.so.1",
    "needed.c",
    "-Wl,-soname,libneeded.so.1",
    "-Wl,--version-script=needed.map",
  ], { cwd: folder });
  await run("cc", [...options, "libtest.so", "test.c", "libneeded.so.1"], { cwd: folder });
  return await Deno.readFile(`${folder}/libtest.so`);
}

Deno.test("a library works without the one that was cut, which is not there", async () => {
  await using folder = await TemporaryFolder.make();
  const file = await build(folder.path);
  await Deno.remove(`${folder.path}/libneeded.so.1`);
  const path = `${folder.path}/libtest.so`;
  const symbols = { answer: { parameters: [], result: "i32" } } as const;
  assert.throws(() => Deno.dlopen(path, symbols), /libneeded\.so\.1/);
  assert.deepEqual(cutDependency(file, "libneeded.so.1"), ["needed"]);
  await Deno.writeFile(path, file);
  const library = Deno.dlopen(path, symbols);
  assert.equal(library.symbols.answer(), 42);
  library.close();
  const said = await run("readelf", ["--dynamic", "--version-info", "--dyn-syms", "--wide", path]);
  assert.doesNotMatch(said, /libneeded|NEEDED_1/);
  assert.match(said, /WEAK\s+DEFAULT\s+UND needed$/m);
});

Deno.test("a library that does not need the one to cut is refused", async () => {
  await using folder = await TemporaryFolder.make();
  const file = await build(folder.path);
  assert.throws(() => cutDependency(file, "libother.so.1"), /No such dependency/);
});
