import assert from "node:assert/strict";
import { run, TemporaryFolder } from "./commands.ts";
import { DebianRoot } from "./debian_root.ts";
import { makePackages, PROGRAM } from "./packing.ts";
import { testUnless, whyNotRoot } from "../support/skip.ts";

const isRoot = Deno.uid() === 0;
const GLIBC = "2.28-10";
/** What the program keeps of its runtime, for root. */
const CACHES = ["/var/cache/vrft", "/run/vrft"];

let folder: TemporaryFolder;
let deb: string;

Deno.test.beforeAll(async () => {
  folder = await TemporaryFolder.make();
  if (isRoot) ({ deb } = await makePackages(folder.path));
});

Deno.test.afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

function test(name: string, fn: () => Promise<void>): void {
  testUnless(whyNotRoot(), name, fn);
}

test("the Debian package installs, runs, and is gone without a trace", async () => {
  await using root = await DebianRoot.make(GLIBC);
  const before = await root.list();

  await succeed(root, "--install", deb);
  const kept = ["list", "md5sums", "postinst", "postrm", "prerm"].map((name) => `vrft.${name}`);
  assert.deepEqual(root.keptOf("vrft"), kept);
  assert.equal((await root.dpkg("--verify", "vrft")).stdout, "");

  const { code, stdout, stderr } = await root.run("vrft", "--version");
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.equal(stdout, await run(PROGRAM, ["--version"]));

  await succeed(root, "--remove", "vrft");
  assert.deepEqual(root.keptOf("vrft"), ["vrft.list", "vrft.postrm"]);
  const left = (await root.list()).filter((line) => !before.includes(line));
  assert.deepEqual(left.filter((line) => !CACHES.some((path) => `/${line}`.startsWith(path))), []);

  await succeed(root, "--purge", "vrft");
  assert.deepEqual(await root.list(), before);
  assert.deepEqual(root.keptOf("vrft"), []);
});

test("the Debian package wants glibc 2.28", async () => {
  await using root = await DebianRoot.make("2.27-3");
  const { code, stderr } = await root.dpkg("--install", deb);
  assert.equal(code, 1);
  assert.match(stderr, /vrft depends on libc6 \(>= 2\.28\)/);
});

test("the unpacked runtime stays until the Debian package is purged", async () => {
  await using root = await DebianRoot.make(GLIBC);
  await succeed(root, "--install", deb);
  for (const path of CACHES) await fill(root.path(path));
  for (const action of [["--install", deb], ["--remove", "vrft"]]) {
    await succeed(root, ...action);
    for (const path of CACHES) assert(exists(root.path(`${path}/some/runtime`)), action[0]);
  }
  await succeed(root, "--purge", "vrft");
  for (const path of CACHES) assert(!exists(root.path(path)));
});

test("purging the Debian package at once takes the runtime too", async () => {
  await using root = await DebianRoot.make(GLIBC);
  const before = await root.list();
  await succeed(root, "--install", deb);
  for (const path of CACHES) await fill(root.path(path));
  await succeed(root, "--purge", "vrft");
  assert.deepEqual(await root.list(), before);
});

test("purging the Debian package follows no symbolic link", async () => {
  await using root = await DebianRoot.make(GLIBC);
  await fill(root.path("/keep"));
  const before = await root.list();
  await succeed(root, "--install", deb);
  // In the place of one, and inside the other.
  await Deno.symlink("/keep", root.path(CACHES[0]!));
  await fill(root.path(CACHES[1]!));
  await Deno.symlink("/keep", root.path(`${CACHES[1]!}/link`));
  await succeed(root, "--purge", "vrft");
  assert.deepEqual(await root.list(), before);
  assert(exists(root.path("/keep/some/runtime")));
});

async function succeed(root: DebianRoot, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await root.dpkg(...args);
  assert.equal(code, 0, `dpkg ${args.join(" ")}: ${stdout}${stderr}`);
  // Such as a script that complains, or a folder that is not empty.
  assert.equal(stderr, "");
}

/** Makes a folder with something in it. */
async function fill(path: string): Promise<void> {
  await Deno.mkdir(`${path}/some`, { recursive: true });
  await Deno.writeTextFile(`${path}/some/runtime`, "x");
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
