/**
 * The folder of a flight recorder: names its files by the time and kind of their triggers, and removes the oldest
 * where they are too many or too large. It touches no file but those that have such names.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { NamedFile } from "./block_queue.ts";
import { type RecordingFolder, TRIGGER_KINDS, type TriggerKind } from "./flight_recorder.ts";

/** `vrft-20261126T141749.123Z-drop.vrft`, with a number where there is that already: names sort by time. */
const NAME = new RegExp(
  `^vrft-\\d{8}T\\d{6}\\.\\d{3}Z-(?:${TRIGGER_KINDS.join("|")})(?:-\\d+)?\\.vrft$`,
);
/** Files of the same kind in a millisecond. */
const MAX_ALIKE = 100;

/** What a folder may have. */
export interface FlightFolderOptions {
  readonly path: string;
  /** Number of files, those that are being written included; `null` for any. */
  readonly keep: number | null;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Opens a file that is not there yet. */
  readonly open: (path: string) => NamedFile["file"];
}

/** A file of the folder. */
interface Known {
  bytes: number;
  isOpen: boolean;
}

/** Opens and removes recordings. */
export class FlightFolder implements RecordingFolder {
  readonly #options: FlightFolderOptions;
  /** By name, the oldest first. */
  #files = new Map<string, Known>();
  readonly #names = new Map<NamedFile, string>();
  #removed = 0;

  /** @throws {Failure} if it cannot be read */
  constructor(options: FlightFolderOptions) {
    this.#options = options;
    this.#list();
  }

  /** Files removed to make room for others. */
  get removed(): number {
    return this.#removed;
  }

  open(kind: TriggerKind, wall: number): NamedFile {
    this.#list();
    const time = new Date(wall).toISOString().replaceAll(/[-:]/g, "");
    for (let count = 1;; count++) {
      const base = `vrft-${time}-${kind}${count === 1 ? "" : `-${count}`}.vrft`;
      const path = this.#path(base);
      const name = `"${printable(path)}"`;
      try {
        const to = { file: this.#options.open(path), name };
        this.#files.set(base, { bytes: 0, isOpen: true });
        this.#names.set(to, base);
        this.#removeSpare();
        return to;
      } catch (cause) {
        if (cause instanceof Deno.errors.AlreadyExists && count < MAX_ALIKE) continue;
        if (cause instanceof Failure) throw cause;
        throw new Failure("output", `Cannot open ${name} for writing: ${reasonOf(cause)}`, {
          cause,
        });
      }
    }
  }

  makeRoom(bytes: number): boolean {
    let total = bytes;
    for (const file of this.#files.values()) total += file.bytes;
    while (total > this.#options.maxBytes) {
      const freed = this.#removeOldest();
      if (freed === null) return false;
      total -= freed;
    }
    return true;
  }

  grow(file: NamedFile, bytes: number): void {
    const known = this.#files.get(this.#names.get(file) ?? "");
    if (known !== undefined) known.bytes += bytes;
  }

  finish(file: NamedFile, isEmpty: boolean): void {
    const name = this.#names.get(file);
    this.#names.delete(file);
    const known = this.#files.get(name ?? "");
    if (name === undefined || known === undefined) return;
    known.isOpen = false;
    if (isEmpty) this.#remove(name);
  }

  /** Removes what is more than `keep`. */
  #removeSpare(): void {
    const { keep } = this.#options;
    while (keep !== null && this.#files.size > keep) {
      if (this.#removeOldest() === null) return;
    }
  }

  /** @returns the bytes that are free now; `null` if there is none that may be removed */
  #removeOldest(): number | null {
    for (const [name, { bytes, isOpen }] of this.#files) {
      if (isOpen) continue;
      this.#remove(name);
      this.#removed++;
      return bytes;
    }
    return null;
  }

  #remove(name: string): void {
    const path = this.#path(name);
    try {
      Deno.removeSync(path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) {
        throw new Failure("output", `Cannot remove "${printable(path)}": ${reasonOf(cause)}`, {
          cause,
        });
      }
    }
    this.#files.delete(name);
  }

  #path(name: string): string {
    return `${this.#options.path.replace(/\/+$/, "")}/${name}`;
  }

  /** Somebody may have moved some away, or an earlier run has left some. */
  #list(): void {
    const before = this.#files;
    const found: [string, Known][] = [];
    try {
      for (const { name, isFile } of Deno.readDirSync(this.#options.path)) {
        if (!isFile || !NAME.test(name)) continue;
        const known = before.get(name);
        found.push([name, known?.isOpen ? known : { bytes: this.#bytesOf(name), isOpen: false }]);
      }
    } catch (cause) {
      const folder = printable(this.#options.path);
      throw new Failure("output", `Cannot list "${folder}": ${reasonOf(cause)}`, { cause });
    }
    this.#files = new Map(found.sort(([one], [other]) => one < other ? -1 : 1));
  }

  #bytesOf(name: string): number {
    try {
      return Deno.lstatSync(this.#path(name)).size;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return 0;
      throw cause;
    }
  }
}
