import assert from "node:assert/strict";
import { attempt, CHECKOUT, run, type Surroundings, TemporaryFolder } from "./commands.ts";
import {
  listArchive,
  makePackages,
  type Packages,
  packagesIn,
  PROGRAM,
  unpackDeb,
} from "./packing.ts";

/** What is made from the rest, and the history. */
const NOT_COPIED = [".git", "build", "dist", "node_modules"];
/** 2026-02-03 04:05:06 UTC */
const EPOCH = 1770091506;
const TOUCH = ["-exec", "touch", "-d", "2001-01-01 00:00", "{}", "+"];

let folder: TemporaryFolder;

Deno.test.beforeAll(async () => {
  folder = await TemporaryFolder.make();
});

Deno.test.afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

Deno.test("another build of the commit in another folder gives the same bytes", async (t) => {
  const second = `${folder.path}/second-of-another-length/and-depth`;
  await copyCheckout(second, NOT_COPIED.filter((name) => name !== ".git"));
  // Nothing but the commit's own date may be taken for one.
  await run("find", [second, "-path", "*/.git", "-prune", "-o", ...TOUCH]);
  const env = { TZ: "Asia/Kathmandu", LC_ALL: "C", SOURCE_DATE_EPOCH: "", USER: "mallory" };
  await build(second, { cwd: second, env }, "077");
  const left = await makePackages(`${folder.path}/first`);
  const right = packagesIn(`${second}/dist`);
  const pairs = [
    ...["build/session.bpf.o", "build/info.json", "dist/vrft"]
      .map((file) => [`${CHECKOUT}/${file}`, `${second}/${file}`]),
    [left.archive, right.archive],
    [left.deb, right.deb],
  ];
  for (const [one = "", other = ""] of pairs) {
    await t.step(`as to ${one.split("/").at(-1)}`, async () => {
      await run("cmp", [one, other]);
    });
  }

  await t.step("and name no folder of the build", async () => {
    await unpack(right, `${folder.path}/unpacked`);
    for (const word of [folder.path, CHECKOUT]) {
      // "/" or "/vrft" would be anywhere.
      if (word.split("/").length < 3) continue;
      const args = ["--recursive", "--text", "--files-with-matches", "--fixed-strings", word];
      const { code, stdout } = await attempt("grep", [
        ...args,
        `${folder.path}/unpacked`,
        `${second}/build`,
      ]);
      assert.equal(stdout, "", word);
      assert.equal(code, 1);
    }
  });
});

Deno.test("the packages have the date of the newest source where there is no history", async () => {
  const path = `${folder.path}/dated`;
  await copyCheckout(path);
  await run("find", [path, "-exec", "touch", "-d", `@${EPOCH - 60}`, "{}", "+"]);
  await Deno.utime(`${path}/src/main.ts`, EPOCH, EPOCH);
  // What the packages are made of besides the sources.
  await run("cp", ["-R", `${CHECKOUT}/build`, `${CHECKOUT}/node_modules`, path]);
  const { archive } = await makePackages(`${path}/dist`, { cwd: path });
  for (const [name, { time }] of await listArchive(archive)) {
    assert.equal(time, "2026-02-03 04:05:06", name);
  }
});

async function copyCheckout(path: string, without = NOT_COPIED): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  for await (const { name } of Deno.readDir(CHECKOUT)) {
    if (!without.includes(name)) await run("cp", ["-R", `${CHECKOUT}/${name}`, path]);
  }
}

/** Makes the program in one file, of the kind that there is already, and packs it. */
async function build(path: string, surroundings: Surroundings, umask = "022"): Promise<void> {
  const [, runtime = "auto"] = /\((denort|launcher)\)/.exec(await run(PROGRAM, ["--version"])) ??
    [];
  const script = 'umask "$1" && "$2/scripts/compile" --runtime "$3" && exec "$2/scripts/package"';
  await run("sh", ["-c", script, "sh", umask, path, runtime], surroundings);
}

/** Unpacks the archive, and the Debian package with its control files. */
async function unpack({ archive, deb }: Packages, into: string): Promise<void> {
  await Deno.mkdir(`${into}/archive`, { recursive: true });
  await run("tar", ["--extract", "--file", archive], { cwd: `${into}/archive` });
  await unpackDeb(deb, `${into}/deb`);
}
