/**
 * The program that the launcher contains, and loader.js runs:
 *
 *   index    JSON, filled up with spaces to {@linkcode INDEX_BYTES}:
 *            `{"script":[OFFSET,LENGTH],"digest":"HEX","files":{"NAME":[OFFSET,LENGTH],…}}`, offsets from
 *            its end
 *   script   JavaScript, the body of an asynchronous function
 *   files    which the script reads by `packedFile(NAME)`
 *
 * For what it keeps from one run to the next, the script has `programCache`: see src/sys/program_cache.ts.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Offset and length. */
type Range = readonly [number, number];

/** The index. */
export interface Index {
  readonly script: Range;
  /** SHA-256 of the script, which names this version of the program. */
  readonly digest: string;
  readonly files: Readonly<Record<string, Range>>;
}

/** Length of the index, which loader.js repeats. */
export const INDEX_BYTES = 4096;

/**
 * The bytes of a program.
 *
 * @param code of a module without static imports, exports and import.meta
 * @throws {SyntaxError} if there are any
 */
export function encodeProgram(
  code: string,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): Uint8Array<ArrayBuffer> {
  // Modules are strict. The name is for stack traces.
  const text = `"use strict";\n${code}\n//# sourceURL=vrft\n`;
  const AsyncFunction = (async () => {}).constructor as new (...text: string[]) => unknown;
  new AsyncFunction("packedFile", "programCache", text);

  const script = new TextEncoder().encode(text);
  let end = 0;
  const place = ({ length }: Uint8Array): Range => {
    const offset = end;
    end += length;
    return [offset, length];
  };
  const index: Index = {
    script: place(script),
    digest: createHash("sha256").update(script).digest("hex"),
    files: Object.fromEntries([...files].map(([name, bytes]) => [name, place(bytes)])),
  };
  const head = new TextEncoder().encode(JSON.stringify(index).padEnd(INDEX_BYTES));
  if (head.length > INDEX_BYTES) throw new Error("The names of the files are too long");
  const result = new Uint8Array(INDEX_BYTES + end);
  let offset = 0;
  for (const part of [head, script, ...files.values()]) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
