/**
 * Makes the packages and looks into them.
 *
 * @module
 */

import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { CHECKOUT, run, type Surroundings } from "./commands.ts";

/** The program in one file, by `scripts/compile`. */
export const PROGRAM: string = `${CHECKOUT}/dist/vrft`;

/** The packages of a version, by path. */
export interface Packages {
  readonly archive: string;
  readonly deb: string;
}

/** The folder that the archive holds. */
export const ARCHIVE_FOLDER: string = `vrft-${config.version}`;

/** Version of the program and of its packages. */
export const VERSION: string = config.version;

/** Where `scripts/package` puts the packages. */
export function packagesIn(folder: string): Packages {
  return {
    archive: `${folder}/${ARCHIVE_FOLDER}-linux-x86_64.tar.gz`,
    deb: `${folder}/vrft_${VERSION}_amd64.deb`,
  };
}

/** Packs {@linkcode PROGRAM}, which has to be there, by the script of a checkout. */
export async function makePackages(
  output: string,
  surroundings: Surroundings = {},
): Promise<Packages> {
  const { cwd = CHECKOUT } = surroundings;
  const args = ["--program", PROGRAM, "--output", output];
  await run(`${cwd}/scripts/package`, args, surroundings);
  return packagesIn(output);
}

/** A file or folder of an archive. */
export interface Member {
  /** As `ls -l` has it: `-rwxr-xr-x`. */
  readonly mode: string;
  /** `0/0` */
  readonly owner: string;
  /** In UTC, `2026-11-22 19:12:54`. */
  readonly time: string;
}

/** Members of a tar archive, compressed or not, by name: those of folders end with a slash. */
export async function listArchive(path: string): Promise<Map<string, Member>> {
  const args = ["--list", "--verbose", "--full-time", "--numeric-owner", "--file", path];
  return parseList(await run("tar", args, { env: { TZ: "UTC" } }));
}

/** The lines of `tar --list --verbose --full-time`. */
function parseList(list: string): Map<string, Member> {
  const members = new Map<string, Member>();
  for (const line of list.trimEnd().split("\n")) {
    const [mode = "", owner = "", _size, date, time, name = ""] = line.split(/ +/);
    assert(!members.has(name), `${name} is there twice`);
    members.set(name, { mode, owner, time: `${date} ${time}` });
  }
  return members;
}

/** Unpacks the files of a Debian package into a folder, and its control files into `DEBIAN` there. */
export async function unpackDeb(deb: string, folder: string): Promise<void> {
  await run("dpkg-deb", ["--raw-extract", deb, folder]);
}
