/**
 * A root file system for dpkg to install into: busybox as shell, glibc, and dpkg's own lists, which say
 * that libc6 is installed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { attempt, type Result, run, TemporaryFolder } from "./commands.ts";

/** Where dpkg keeps its lists, which change with every call. */
const DPKG = "/var/lib/dpkg";

/** A root file system in a temporary folder, which is gone on dispose. */
export class DebianRoot implements AsyncDisposable {
  readonly #folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
  }

  /** @param glibc version that dpkg is told of */
  static async make(glibc: string): Promise<DebianRoot> {
    const root = new DebianRoot(await TemporaryFolder.make());
    await root.#fill();
    await Deno.writeTextFile(root.path(`${DPKG}/status`), installed("libc6", glibc));
    // Folders that no package has are removed with the last file in them.
    const folders = "/.\n/usr\n/usr/bin\n/usr/lib\n/usr/share\n";
    await Deno.writeTextFile(root.path(`${DPKG}/info/libc6.list`), folders);
    return root;
  }

  /** Where a file of it is on this machine. */
  path(inside: string): string {
    return this.#folder.path + inside;
  }

  async #fill(): Promise<void> {
    const folders = ["etc", "dev", "proc", "tmp", "root", "run", "var/cache", "usr/bin", "usr/lib"];
    for (
      const name of [
        ...folders,
        "usr/share",
        ...["info", "updates"].map((n) => DPKG + "/" + n),
      ]
    ) {
      await Deno.mkdir(this.path(`/${name}`), { recursive: true });
    }
    const links = { bin: "usr/bin", sbin: "usr/bin", lib: "usr/lib", lib64: "usr/lib" };
    for (const [name, target] of Object.entries(links)) {
      await Deno.symlink(target, this.path(`/${name}`));
    }
    const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
    await Deno.copyFile(busybox, this.path("/usr/bin/busybox"));
    for (const applet of ["sh", "rm"]) {
      await Deno.symlink("busybox", this.path(`/usr/bin/${applet}`));
    }
    for (const library of await glibcFiles()) {
      await Deno.copyFile(library, this.path(`/usr/lib/${library.replace(/.*\//, "")}`));
    }
  }

  /** Runs dpkg for it, whatever this machine's dpkg is told to leave out or to write down. */
  async dpkg(...args: string[]): Promise<Result> {
    const settings = ["--path-include=*", "--log=/dev/null", "--no-pager", "--force-unsafe-io"];
    return await attempt("dpkg", [`--root=${this.path("")}`, ...settings, ...args], { cwd: "/" });
  }

  /** Runs a command in it, with /proc and /dev and an environment of its own. */
  async run(...command: string[]): Promise<Result> {
    const script = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && ' +
      'root=$1 && shift && exec env -i PATH=/usr/sbin:/usr/bin chroot "$root" "$@"';
    const args = ["--mount", "sh", "-c", script, "sh", this.path(""), ...command];
    return await attempt("unshare", args, { cwd: "/" });
  }

  /** Everything that is in it, sorted, but for dpkg's lists; of links where they point to. */
  async list(): Promise<string[]> {
    const list = await run("find", [".", "-printf", "%P %M %l\n"], { cwd: this.path("") });
    const inLists = `${DPKG.slice(1)}/`;
    return list.trimEnd().split("\n").filter((line) => !line.startsWith(inLists)).sort();
  }

  /** Names of the files that dpkg keeps of a package. */
  keptOf(name: string): string[] {
    const files = Array.from(Deno.readDirSync(this.path(`${DPKG}/info`)), (entry) => entry.name);
    return files.filter((file) => file.startsWith(`${name}.`)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** An entry of dpkg's status file. */
function installed(name: string, version: string): string {
  return `Package: ${name}\nStatus: install ok installed\nMaintainer: Nobody <nobody@vrft.invalid>\n` +
    `Architecture: amd64\nVersion: ${version}\nDescription: put there by a test\n`;
}

/** What glibc consists of for a program such as Deno, without libgcc, which hosts need not have. */
async function glibcFiles(): Promise<string[]> {
  const list = await run("ldd", [Deno.execPath()]);
  const files = Array.from(list.matchAll(/(\/\S+) \(0x/g), ([, path = ""]) => path)
    .filter((path) => !path.includes("libgcc"));
  assert(files.some((path) => path.includes("libc.so.6")), list);
  return files;
}
