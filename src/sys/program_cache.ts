/**
 * What the program keeps from one start to the next, in the folder of the launcher's cache: root's only, as
 * the launcher has made sure of before it started the program. Others, hosts where nothing can be written,
 * and programs without the launcher go without.
 *
 * A file is used only if it was made under the same key, by this very program. Its first line is the SHA-256
 * of the rest, the second the key, and what was kept follows: nothing damaged or cut off is taken for it.
 *
 * @module
 */

/** Where things are kept. */
export interface ProgramCache {
  /** Accessible to the effective user only. */
  readonly folder: string;
  /** SHA-256 of the program, which is part of every key. */
  readonly program: string;
}

/** From scripts/launcher/loader.js; `""` without a cache, not declared without the launcher. */
declare const programCache: ProgramCache | "";

/** The cache; `null` if there is none. */
export function openProgramCache(): ProgramCache | null {
  return typeof programCache === "undefined" || programCache === "" ? null : programCache;
}

/** Nothing kept is larger by far. */
const MAX_BYTES = 1 << 24;
const PRIVATE = 0o600;
const NEWLINE = 0x0a;

/**
 * What was kept under a name and a key.
 *
 * @param key without line ends
 * @returns `null` if there is nothing that can be trusted: of another key, damaged, or with another owner or
 * mode than {@linkcode keep} gives it
 */
export async function readKept(
  { folder, program }: ProgramCache,
  name: string,
  key: string,
): Promise<string | null> {
  const bytes = readPrivate(`${folder}/${name}`);
  if (bytes === null) return null;
  const digestEnd = bytes.indexOf(NEWLINE);
  const content = bytes.subarray(digestEnd + 1);
  const head = new TextEncoder().encode(`${program} ${key}\n`);
  // First, as it is nearly always the key that differs.
  if (!startsWith(content, head)) return null;
  const decoder = new TextDecoder();
  if (decoder.decode(bytes.subarray(0, digestEnd)) !== await digestOf(content)) return null;
  return decoder.decode(content.subarray(head.length));
}

/**
 * Keeps a text, in place of what is there under the name. Whoever reads meanwhile gets the one or the other.
 *
 * @param key without line ends
 * @throws {Error} Deno's, if it cannot be written
 */
export async function keep(
  { folder, program }: ProgramCache,
  name: string,
  key: string,
  text: string,
): Promise<void> {
  const content = new TextEncoder().encode(`${program} ${key}\n${text}`);
  const digest = await digestOf(content);
  const path = `${folder}/${name}`;
  const temporary = `${path}.new`;
  // Of a process that was killed; one that still writes finds its file gone, and does without.
  removeIfThere(temporary);
  const options = { createNew: true, write: true, mode: PRIVATE };
  try {
    {
      using file = Deno.openSync(temporary, options);
      writeAll(file, new TextEncoder().encode(`${digest}\n`));
      writeAll(file, content);
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += file.writeSync(bytes.subarray(written));
  }
}

/** Contents of a file of the own user's that nobody else can access; `null` for any other. */
function readPrivate(path: string): Uint8Array<ArrayBuffer> | null {
  try {
    // As with O_NOFOLLOW, and without opening a pipe: what is opened has to be what was looked at.
    const seen = Deno.lstatSync(path);
    if (!isPrivate(seen)) return null;
    using file = Deno.openSync(path);
    const opened = file.statSync();
    if (opened.dev !== seen.dev || opened.ino !== seen.ino || !isPrivate(opened)) return null;
    const bytes = new Uint8Array(opened.size);
    for (let at = 0; at < bytes.length;) {
      const count = file.readSync(bytes.subarray(at));
      if (count === null) return null;
      at += count;
    }
    return bytes;
  } catch {
    return null;
  }
}

function isPrivate({ isFile, uid, mode, size }: Deno.FileInfo): boolean {
  return isFile && uid === Deno.uid() && ((mode ?? 0) & 0o7777) === PRIVATE && size <= MAX_BYTES;
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return bytes.length >= head.length && head.every((byte, at) => bytes[at] === byte);
}

/** SHA-256, in hexadecimal. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
