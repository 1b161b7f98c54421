import assert from "node:assert/strict";
import { encodeProgram, type Index, INDEX_BYTES } from "../../scripts/launcher/program.ts";

const ROOT = new URL("../../", import.meta.url);

/** The launcher's program. */
async function bundle(): Promise<Uint8Array<ArrayBuffer>> {
  const path = await Deno.makeTempFile();
  try {
    const args = ["run", "-A", "--quiet", "scripts/bundle.ts", path, "launcher"];
    const { success, stderr } = await new Deno.Command("deno", { args, cwd: ROOT }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

// Each start pays for what Deno or V8 has to parse.
Deno.test("the launcher's program has no file in its script, and all of them behind it", async () => {
  const program = await bundle();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const index: Index = JSON.parse(text(program.subarray(0, INDEX_BYTES)));
  const part = ([offset, length]: readonly [number, number]): Uint8Array =>
    program.subarray(INDEX_BYTES + offset, INDEX_BYTES + offset + length);

  const script = text(part(index.script));
  assert.ok(script.length < 1_000_000, `${script.length} characters`);
  assert.doesNotMatch(script, /[A-Za-z0-9+/]{500}/, "base64");
  // Otherwise each character would take two bytes.
  assert.doesNotMatch(script, /[^\0-\x7f]/);
  const names = Object.keys(index.files);
  assert.ok(names.includes("session.bpf.o") && names.includes("libbpf.so.1"), names.join());
  for (const name of names) {
    const built = new URL(`build/${name.includes(".so") ? "lib/" : ""}${name}`, ROOT);
    assert.deepEqual(part(index.files[name]!), new Uint8Array(await Deno.readFile(built)), name);
  }
});

Deno.test("what Deno parses of the launcher's program is small, and imports nothing", async () => {
  const loader = await Deno.readTextFile(new URL("scripts/launcher/loader.js", ROOT));
  assert.ok(loader.length < 2000, `${loader.length} characters`);
  assert.doesNotMatch(loader, /\bimport\b/);
});

Deno.test("the launcher's program is no module", () => {
  encodeProgram("await packedFile('a');");
  for (const code of ["import 'a';", "export {};", "import.meta.main;", "delete globalThis;"]) {
    assert.throws(() => encodeProgram(code), SyntaxError, code);
  }
});
