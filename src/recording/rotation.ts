/**
 * Recordings in several files, one after the other, of which the last ones are kept.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { NamedFile } from "./block_queue.ts";
import type { Rotating } from "./writer.ts";

/** Digits of a file's number, so that names sort. */
const DIGITS = 8;

/** When files end, and how many there are. */
export interface RotationOptions {
  /** `a.vrft` becomes `a.00000001.vrft`, `a.00000002.vrft`, and so on. */
  readonly path: string;
  /** Bytes from which on a file ends; `null` for any number. */
  readonly bytes: number | null;
  /** Milliseconds after which it ends; `null` for any time. */
  readonly ms: number | null;
  /** Number of files to keep, the present one included; `null` for all. */
  readonly keep: number | null;
  /** Opens a new file. */
  readonly open: (path: string) => NamedFile["file"];
  /** Milliseconds of any clock that does not go back. */
  readonly now?: () => number;
}

/** Opens one file after the other. */
export class Rotation implements Rotating {
  readonly #options: RotationOptions;
  readonly #now: () => number;
  readonly #folder: string;
  readonly #stem: string;
  readonly #extension: string;
  #number: number;
  #opened = 0;

  /** @throws {Failure} if the folder cannot be read */
  constructor(options: RotationOptions) {
    this.#options = options;
    this.#now = options.now ?? ((): number => performance.now());
    const slash = options.path.lastIndexOf("/");
    const base = options.path.slice(slash + 1);
    const dot = base.lastIndexOf(".");
    this.#folder = slash < 0 ? "." : options.path.slice(0, slash + 1);
    this.#stem = dot > 0 ? base.slice(0, dot) : base;
    this.#extension = dot > 0 ? base.slice(dot) : "";
    this.#number = this.#existing().at(-1) ?? 0;
  }

  isDue(bytes: number): boolean {
    const { bytes: most, ms } = this.#options;
    return (most !== null && bytes >= most) || (ms !== null && this.#now() - this.#opened >= ms);
  }

  /** Opens the next file, behind all that are there, and removes the oldest. */
  next(): NamedFile {
    const path = this.#path(++this.#number);
    const name = `"${printable(path)}"`;
    let file: NamedFile["file"];
    try {
      file = this.#options.open(path);
    } catch (cause) {
      throw new Failure("output", `Cannot open ${name} for writing: ${reasonOf(cause)}`, { cause });
    }
    this.#opened = this.#now();
    this.#removeOldest();
    return { file, name };
  }

  #removeOldest(): void {
    const { keep } = this.#options;
    if (keep === null) return;
    const files = this.#existing();
    for (const number of files.slice(0, Math.max(0, files.length - keep))) {
      const path = this.#path(number);
      try {
        Deno.removeSync(path);
      } catch (cause) {
        if (cause instanceof Deno.errors.NotFound) continue;
        throw new Failure("output", `Cannot remove "${printable(path)}": ${reasonOf(cause)}`, {
          cause,
        });
      }
    }
  }

  #path(number: number): string {
    const folder = this.#folder === "." ? "" : this.#folder;
    return `${folder}${this.#stem}.${`${number}`.padStart(DIGITS, "0")}${this.#extension}`;
  }

  /** Numbers of the files that are there, the least first. */
  #existing(): number[] {
    const [start, end] = [`${this.#stem}.`, this.#extension];
    const numbers: number[] = [];
    try {
      for (const { name } of Deno.readDirSync(this.#folder)) {
        const number = name.slice(start.length, name.length - end.length);
        const isOurs = name.startsWith(start) && name.endsWith(end) && /^\d{8}$/.test(number);
        if (isOurs) numbers.push(Number(number));
      }
    } catch (cause) {
      const folder = printable(this.#folder);
      throw new Failure("output", `Cannot list "${folder}": ${reasonOf(cause)}`, { cause });
    }
    return numbers.sort((a, b) => a - b);
  }
}
