/**
 * Files that the launcher is part of, with program.js inside.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeProgram } from "../../scripts/launcher/program.ts";
import { decodeTrailer, encodeTrailer, type Trailer } from "../../scripts/launcher/trailer.ts";
import { TRAILER_BYTES } from "../../scripts/launcher/trailer.ts";

const ROOT = new URL("../..", import.meta.url);

/** Files in the program, by name. */
export const PACKED: Readonly<Record<string, string>> = { "none": "", "one": "1\n", "two": "\0ä" };

/** Not /tmp, which is another one in a test's mount namespace; open for all users. */
const directory = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "vrft-launcher-" });
Deno.chmodSync(directory, 0o755);
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

let built: string | undefined;

/** Path of the file as scripts/launcher/build makes it. */
export function whole(): string {
  if (built === undefined) {
    built = `${directory}/whole`;
    const code = Deno.readTextFileSync(new URL("program.js", import.meta.url));
    const files = Object.entries(PACKED).map(([name, text]) =>
      [name, new TextEncoder().encode(text)] as const
    );
    const program = `${directory}/program`;
    Deno.writeFileSync(program, encodeProgram(code, new Map(files)));
    run("scripts/launcher/build", program, built);
  }
  return built;
}

/** What the trailer of {@linkcode whole} says. */
export function trailer(): Trailer {
  return decodeTrailer(Deno.readFileSync(whole()));
}

/** Name of the runtime's directory in a cache. */
export function digest(): string {
  return trailer().runtimeDigest.toHex();
}

/** Path of the runtime in a cache. */
export function runtimeIn(cache: string): string {
  return `${cache}/${digest()}/vrft`;
}

/** `bytes` with the last `from` in them, as text of one byte a character, replaced by `to`. */
export function replaceLast(bytes: Uint8Array, from: string, to: string): Uint8Array<ArrayBuffer> {
  let text = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  const place = text.lastIndexOf(from);
  assert.notEqual(place, -1, `There is no "${from}"`);
  const replaced = text.slice(0, place) + to + text.slice(place + from.length);
  return Uint8Array.from(replaced, (character) => character.charCodeAt(0));
}

/** Writes an executable file, and returns its path. */
export function executable(name: string, bytes: Uint8Array): string {
  const path = `${directory}/${name}`;
  Deno.writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

/** The bytes of a file with another runtime, which should be small: a start then takes milliseconds. */
export function small(
  runtime: Uint8Array = Deno.readFileSync("/bin/true"),
): Uint8Array<ArrayBuffer> {
  const file = Deno.readFileSync(whole());
  const { parts } = decodeTrailer(file);
  const path = executable("runtime", runtime);
  run("zstd", "-q", "-f", "--check", path, "-o", `${path}.zst`);
  const frames = [
    Deno.readFileSync(`${path}.zst`),
    file.subarray(parts.libgcc.offset, parts.libgcc.offset + parts.libgcc.packed),
    file.subarray(parts.program.offset, parts.program.offset + parts.program.packed),
  ] as const;
  const launcher = file.subarray(0, parts.runtime.offset);
  const [first, second, third] = frames.map((frame) => frame.length) as [number, number, number];
  const start = launcher.length;
  const end = encodeTrailer({
    parts: {
      runtime: { offset: start, packed: first, size: runtime.length },
      libgcc: { ...parts.libgcc, offset: start + first },
      program: { ...parts.program, offset: start + first + second },
    },
    runtimeDigest: sha256(path),
  });
  const result = new Uint8Array(start + first + second + third + TRAILER_BYTES);
  let offset = 0;
  for (const bytes of [launcher, ...frames, end]) {
    result.set(bytes, offset);
    offset += bytes.length;
  }
  return result;
}

function sha256(path: string): Uint8Array {
  return Uint8Array.fromHex(run("sha256sum", path).slice(0, 64));
}

function run(command: string, ...args: string[]): string {
  const result = new Deno.Command(command, { args, cwd: ROOT, stdin: "null" }).outputSync();
  const decoder = new TextDecoder();
  assert.ok(result.success, `${command} failed: ${decoder.decode(result.stderr)}`);
  return decoder.decode(result.stdout);
}
