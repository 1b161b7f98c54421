/**
 * A file whose contents are replaced as a whole: for node_exporter's textfile collector, which may read it
 * at any time, and not as root.
 *
 * @module
 */

import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";

/** Readable by all. */
const MODE = 0o644;

/** The file; disposing removes it. */
export class Textfile implements Disposable {
  readonly #path: string;
  /** Device and inode number of what this has written. */
  #own: string | null = null;
  #temporary: string | null = null;
  #isDisposed = false;

  /**
   * Writes nothing yet.
   *
   * @throws {Failure} `output` if a file cannot be made there
   */
  constructor(path: string) {
    this.#path = path;
    try {
      const found = statOf(path);
      if (found !== null && !found.isFile) throw new Error("there is something else than a file");
      const temporary = this.#newName();
      Deno.openSync(temporary, { write: true, createNew: true }).close();
      Deno.removeSync(temporary);
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  /**
   * Replaces the contents, in another thread as far as that may take long. One call at a time.
   *
   * The file is not synced: the machine that crashes needs no metrics of the time before, and rename makes
   * that whoever reads sees either all or nothing.
   *
   * @throws {Failure} `output` if it cannot be written; the old contents stay then
   */
  async replace(contents: Uint8Array): Promise<void> {
    const temporary = this.#newName();
    try {
      // A name that nobody can guess, and O_EXCL: in a folder that others can write, no link of theirs is
      // followed.
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      this.#temporary = temporary;
      for (let at = 0; at < contents.length;) at += await file.write(contents.subarray(at));
      // Whatever the umask is.
      await Deno.chmod(temporary, MODE);
      if (this.#isDisposed) return;
      const { dev, ino } = await file.stat();
      // Not in another thread: it would be there again after it has been removed.
      if (this.#isDisposed) return;
      Deno.renameSync(temporary, this.#path);
      this.#temporary = null;
      this.#own = `${dev} ${ino}`;
    } catch (cause) {
      if (!this.#isDisposed) throw this.#failure(cause);
    } finally {
      this.#removeTemporary();
    }
  }

  /** In the same folder; hidden, and not of the kind that node_exporter reads. */
  #newName(): string {
    const at = this.#path.lastIndexOf("/") + 1;
    const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
    return `${this.#path.slice(0, at)}.${this.#path.slice(at)}.${random}`;
  }

  #failure(cause: unknown): Failure {
    const text = `Cannot write metrics to "${printable(this.#path)}": ${reasonOf(cause)}`;
    return new Failure("output", text, { cause });
  }

  #removeTemporary(): void {
    const temporary = this.#temporary;
    this.#temporary = null;
    try {
      if (temporary !== null) Deno.removeSync(temporary);
    } catch {
      // It is gone, or its folder is.
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#removeTemporary();
    try {
      const { dev, ino } = Deno.lstatSync(this.#path);
      // Not that of another vrft, which has been started meanwhile.
      if (`${dev} ${ino}` === this.#own) Deno.removeSync(this.#path);
    } catch {
      // It is gone, or its folder is.
    }
  }
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
