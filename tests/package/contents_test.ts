import assert from "node:assert/strict";
import { manualPage } from "../../scripts/man.ts";
import { COMMANDS } from "../../src/cli/grammar.ts";
import { SHELLS } from "../../src/cli/invocation.ts";
import { attempt, CHECKOUT, run, TemporaryFolder } from "./commands.ts";
import { ARCHIVE_FOLDER, listArchive, makePackages, PROGRAM } from "./packing.ts";
import { type Member, type Packages, unpackDeb, VERSION } from "./packing.ts";

/** 2026-02-03 04:05:06 UTC */
const EPOCH = "1770091506";
const TIME = "2026-02-03 04:05:06";
/** Those of whom the program in one file holds something. */
const THIRD_PARTIES = [
  "commander",
  "deno",
  "glibc",
  "icu",
  "libbpf",
  "libelf",
  "libgcc",
  "libpcap",
  "preact",
  "uplot",
  "v8",
  "zlib",
  "zstd",
];
/** What is in docs/, sorted; folders end with a slash, and what is in them follows. */
const DOCUMENTS = namesIn("").sort();

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(`${CHECKOUT}/docs/${folder}`)).flatMap((
    { name, isDirectory },
  ) => isDirectory ? [`${folder}${name}/`, ...namesIn(`${folder}${name}/`)] : [folder + name]);
}
const UNITS = ["vrft-exporter.service", "vrft-recorder.service"];
const NOTICES = `${ARCHIVE_FOLDER}/LICENSES/third-party`;

let folder: TemporaryFolder;
let packages: Packages;

Deno.test.beforeAll(async () => {
  folder = await TemporaryFolder.make();
  packages = await makePackages(`${folder.path}/packages`, { env: { SOURCE_DATE_EPOCH: EPOCH } });
  await run("tar", ["--extract", "--file", packages.archive], { cwd: folder.path });
  await unpackDeb(packages.deb, `${folder.path}/deb`);
});

Deno.test.afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

Deno.test("the archive holds the program and what goes with it", async () => {
  const members = await listArchive(packages.archive);
  const names = [...members.keys()];
  assert.deepEqual(names.filter((name) => !name.startsWith(NOTICES)), [
    `${ARCHIVE_FOLDER}/`,
    `${ARCHIVE_FOLDER}/LICENSE`,
    `${ARCHIVE_FOLDER}/LICENSES/`,
    `${ARCHIVE_FOLDER}/LICENSES/BSD-3-Clause.txt`,
    `${ARCHIVE_FOLDER}/LICENSES/GPL-2.0-only.txt`,
    `${ARCHIVE_FOLDER}/README.md`,
    `${ARCHIVE_FOLDER}/completions/`,
    `${ARCHIVE_FOLDER}/completions/vrft.bash`,
    `${ARCHIVE_FOLDER}/completions/vrft.fish`,
    `${ARCHIVE_FOLDER}/completions/vrft.zsh`,
    `${ARCHIVE_FOLDER}/docs/`,
    ...DOCUMENTS.map((name) => `${ARCHIVE_FOLDER}/docs/${name}`),
    `${ARCHIVE_FOLDER}/systemd/`,
    ...UNITS.map((name) => `${ARCHIVE_FOLDER}/systemd/${name}`),
    `${ARCHIVE_FOLDER}/vrft`,
    `${ARCHIVE_FOLDER}/vrft.1`,
  ]);
  checkMembers(members, [`${ARCHIVE_FOLDER}/vrft`]);
});

Deno.test("the archive holds a notice of each third party, and the licences that those name", async () => {
  const notices = `${folder.path}/${NOTICES}`;
  const names = Array.from(Deno.readDirSync(notices), ({ name }) => name);
  for (const name of THIRD_PARTIES) assert(names.includes(name), name);
  for (const name of names) {
    const text = await Deno.readTextFile(`${notices}/${name}`);
    assert(text.length > 100, `${name} is no notice`);
    for (const [, licence = ""] of text.matchAll(/common-licenses\/(L?GPL-[23](?:\.1)?)/g)) {
      assert(names.includes(licence), `${name} names ${licence}, which is missing`);
    }
  }
});

Deno.test("the archive names the Debian package of each library in it", async () => {
  const list = await Deno.readTextFile(`${folder.path}/${NOTICES}/packages`);
  const rows = list.trimEnd().split("\n").map((line) => line.split(" "));
  assert.deepEqual(
    rows.map(([name]) => name).sort(),
    ["glibc", "libbpf", "libelf", "libgcc", "libpcap", "zlib", "zstd"],
  );
  for (const row of rows) assert.equal(row.length, 5, row.join(" "));
});

Deno.test("the Debian package holds the files that belong to it, where they belong", async () => {
  const members = await listDeb();
  assert.deepEqual([...members.keys()].filter((name) => !name.endsWith("/")), [
    "./usr/bin/vrft",
    ...UNITS.map((name) => `./usr/lib/systemd/system/${name}`),
    "./usr/share/bash-completion/completions/vrft",
    "./usr/share/doc/vrft/README.md.gz",
    "./usr/share/doc/vrft/changelog.gz",
    "./usr/share/doc/vrft/copyright",
    ...DOCUMENTS.filter((name) => !name.endsWith("/"))
      .map((name) => `./usr/share/doc/vrft/docs/${name}.gz`),
    "./usr/share/fish/vendor_completions.d/vrft.fish",
    "./usr/share/man/man1/vrft.1.gz",
    "./usr/share/zsh/vendor-completions/_vrft",
  ]);
  checkMembers(members, ["./usr/bin/vrft"]);
});

Deno.test("the Debian package's control files are its own", async () => {
  const path = `${folder.path}/control.tar`;
  await writeOutput(path, ["--ctrl-tarfile", packages.deb]);
  const members = await listArchive(path);
  const scripts = ["./postinst", "./postrm", "./prerm"];
  assert.deepEqual([...members.keys()], ["./", "./control", "./md5sums", ...scripts]);
  checkMembers(members, scripts);
});

Deno.test("the Debian package says what it is and needs", async () => {
  const field = async (name: string): Promise<string> =>
    (await run("dpkg-deb", ["--field", packages.deb, name])).trimEnd();
  assert.equal(await field("Package"), "vrft");
  assert.equal(await field("Version"), VERSION);
  assert.equal(await field("Architecture"), "amd64");
  assert.equal(await field("Depends"), "libc6 (>= 2.28)");
  const program = (await Deno.stat(PROGRAM)).size / 1024;
  const size = Number(await field("Installed-Size"));
  assert(program < size && size < program + 1024, `${size} KiB`);
  assert.doesNotMatch(await run("dpkg-deb", ["--field", packages.deb]), /@[A-Z_]+@/);
});

Deno.test("the Debian package has the checksums of all its files", async () => {
  const sums = await Deno.readTextFile(`${folder.path}/deb/DEBIAN/md5sums`);
  const names = sums.trimEnd().split("\n").map((line) => line.replace(/^[0-9a-f]{32} {2}/, "./"));
  const members = await listDeb();
  assert.deepEqual(names, [...members.keys()].filter((name) => !name.endsWith("/")));
  await run("md5sum", ["--check", "--strict", "DEBIAN/md5sums"], { cwd: `${folder.path}/deb` });
});

Deno.test("the Debian package holds every notice of the archive", async () => {
  const copyright = await Deno.readTextFile(`${folder.path}/deb/usr/share/doc/vrft/copyright`);
  assert(copyright.startsWith(await Deno.readTextFile(`${CHECKOUT}/LICENSE`)));
  for (const name of [...THIRD_PARTIES, "packages"]) {
    const notice = await Deno.readTextFile(`${folder.path}/${NOTICES}/${name}`);
    assert(copyright.includes(notice), name);
  }
});

Deno.test("the Debian package's changelog is of the version, the commit and its date", async () => {
  const text = await run("gzip", ["-dc", `${folder.path}/deb/usr/share/doc/vrft/changelog.gz`]);
  const [, commit] = /^commit (\S+)$/m.exec(await run(PROGRAM, ["--version"])) ?? [];
  const [head, , change, , signature] = text.split("\n");
  assert.equal(head, `vrft (${VERSION}) unstable; urgency=medium`);
  assert.equal(change, `  * Made of commit ${commit}.`);
  assert.match(signature!, /^ -- \S.* <\S+@\S+> {2}Tue, 03 Feb 2026 04:05:06 \+0000$/);
});

Deno.test("both packages hold the program as it is", async () => {
  for (const path of [`${ARCHIVE_FOLDER}/vrft`, "deb/usr/bin/vrft"]) {
    await run("cmp", [PROGRAM, `${folder.path}/${path}`]);
  }
});

Deno.test("both packages hold the manual page with the date of the commit", async () => {
  const page = manualPage(COMMANDS, VERSION, "2026-02-03");
  assert.equal(await Deno.readTextFile(`${folder.path}/${ARCHIVE_FOLDER}/vrft.1`), page);
  const packed = `${folder.path}/deb/usr/share/man/man1/vrft.1.gz`;
  assert.equal(await run("gzip", ["-dc", packed]), page);
});

Deno.test("both packages hold the completions that the program prints", async () => {
  const places = {
    bash: "bash-completion/completions/vrft",
    zsh: "zsh/vendor-completions/_vrft",
    fish: "fish/vendor_completions.d/vrft.fish",
  };
  for (const shell of SHELLS) {
    const script = await run(PROGRAM, ["completions", shell]);
    const loose = `${folder.path}/${ARCHIVE_FOLDER}/completions/vrft.${shell}`;
    assert.equal(await Deno.readTextFile(loose), script);
    assert.equal(await Deno.readTextFile(`${folder.path}/deb/usr/share/${places[shell]}`), script);
  }
});

Deno.test("scripts/package refuses a program of another version", async () => {
  const path = `${folder.path}/other`;
  await Deno.writeTextFile(path, "#!/bin/sh\necho vrft 0.0.0\n", { mode: 0o755 });
  const args = ["--program", path, "--output", `${folder.path}/refused`];
  const { code, stderr } = await attempt(`${CHECKOUT}/scripts/package`, args);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^package: Cannot package \S+: it is not version \S+, but says: vrft 0\.0\.0$/m,
  );
  assert.throws(() => Deno.statSync(`${folder.path}/refused`), Deno.errors.NotFound);
});

Deno.test("scripts/package refuses a date that is none", async () => {
  const args = ["--program", PROGRAM, "--output", `${folder.path}/refused`];
  const env = { SOURCE_DATE_EPOCH: "yesterday" };
  const { code, stderr } = await attempt(`${CHECKOUT}/scripts/package`, args, { env });
  assert.equal(code, 1);
  assert.match(stderr, /SOURCE_DATE_EPOCH: "yesterday"$/m);
});

/** Root's, all of one time, and only `programs` can be run. */
function checkMembers(members: Map<string, Member>, programs: readonly string[]): void {
  for (const [name, { mode, owner, time }] of members) {
    assert.equal(owner, "0/0", name);
    assert.equal(time, TIME, name);
    const expected = name.endsWith("/")
      ? "drwxr-xr-x"
      : `-rw${programs.includes(name) ? "xr-xr-x" : "-r--r--"}`;
    assert.equal(mode, expected, name);
  }
}

/** Files and folders of the Debian package. */
async function listDeb(): Promise<Map<string, Member>> {
  const path = `${folder.path}/data.tar`;
  await writeOutput(path, ["--fsys-tarfile", packages.deb]);
  return await listArchive(path);
}

/** Writes to a file what dpkg-deb prints. */
async function writeOutput(path: string, args: readonly string[]): Promise<void> {
  const { success, stdout } = await new Deno.Command("dpkg-deb", { args: [...args] }).output();
  assert(success);
  await Deno.writeFile(path, stdout);
}
