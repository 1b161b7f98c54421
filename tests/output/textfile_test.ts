import assert from "node:assert/strict";
import { Textfile } from "../../src/output/textfile.ts";
import { isFailure } from "../support/failures.ts";

/** A folder, gone in the end. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "vrft-textfile-" });

  get names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.path}/${name}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("Textfile replaces a file, readable by all whatever the umask is, and removes it", async () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/a.prom`, "of an earlier run");
  const before = Deno.umask(0o077);
  try {
    using file = new Textfile(`${folder.path}/a.prom`);
    assert.equal(folder.read("a.prom"), "of an earlier run");
    await file.replace(bytes("one\n"));
    assert.equal(folder.read("a.prom"), "one\n");
    using open = Deno.openSync(`${folder.path}/a.prom`);
    await file.replace(bytes("two\n"));
    // Who has opened it reads the old one to its end.
    assert.equal(await new Response(open.readable).text(), "one\n");
    assert.equal(folder.read("a.prom"), "two\n");
    assert.equal(Deno.statSync(`${folder.path}/a.prom`).mode! & 0o7777, 0o644);
    assert.deepEqual(folder.names, ["a.prom"]);
  } finally {
    Deno.umask(before);
  }
  assert.deepEqual(folder.names, []);
});

Deno.test("Textfile is not there again if it is disposed while it is written", async () => {
  using folder = new Folder();
  const file = new Textfile(`${folder.path}/a.prom`);
  const writing = file.replace(new Uint8Array(4 << 20));
  file[Symbol.dispose]();
  await writing;
  assert.deepEqual(folder.names, []);
});

Deno.test("Textfile leaves alone what another has written in its place", async () => {
  using folder = new Folder();
  {
    using file = new Textfile(`${folder.path}/a.prom`);
    await file.replace(bytes("one"));
    using other = new Textfile(`${folder.path}/a.prom`);
    await other.replace(bytes("other"));
    file[Symbol.dispose]();
    assert.equal(folder.read("a.prom"), "other");
  }
  assert.deepEqual(folder.names, []);
});

Deno.test("Textfile says at once what is in the way", () => {
  using folder = new Folder();
  Deno.mkdirSync(`${folder.path}/folder.prom`);
  Deno.symlinkSync("elsewhere", `${folder.path}/link.prom`);
  for (
    const [name, reason] of [
      ["none/a.prom", "No such file or directory"],
      ["folder.prom", "there is something else than a file"],
      ["link.prom", "there is something else than a file"],
    ] as const
  ) {
    assert.throws(
      () => new Textfile(`${folder.path}/${name}`),
      isFailure("output", new RegExp(`^Cannot write metrics to ".*/${name}": ${reason}$`)),
    );
  }
  assert.deepEqual(folder.names, ["folder.prom", "link.prom"]);
});

Deno.test("Textfile keeps the old contents if it cannot write new ones, and goes on", async () => {
  using folder = new Folder();
  using file = new Textfile(`${folder.path}/a.prom`);
  await file.replace(bytes("one"));
  Deno.renameSync(folder.path, `${folder.path}-away`);
  try {
    await assert.rejects(file.replace(bytes("two")), isFailure("output", /No such file/));
    assert.equal(Deno.readTextFileSync(`${folder.path}-away/a.prom`), "one");
  } finally {
    Deno.renameSync(`${folder.path}-away`, folder.path);
  }
  await file.replace(bytes("three"));
  assert.equal(folder.read("a.prom"), "three");
});
