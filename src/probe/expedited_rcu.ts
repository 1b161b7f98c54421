/**
 * The switch that makes RCU hurry, shared by all vrft that run: the first one that wants it switches
 * it on, the last one off again, and what a killed one has left on is seen by the next.
 *
 * @module
 */

import { exists } from "../sys/files.ts";
import { SystemError } from "../sys/libc.ts";
import type { LockableFile } from "../sys/lockable_file.ts";
import { expediteRcu, relaxRcu } from "../sys/rcu.ts";

/** Event of no use but to say that a vrft has switched. Events outlive who makes them, and no boot. */
const GROUP = "vrft_rcu";
const EVENT = "expedited";
const MARK = `${GROUP}/${EVENT}`;

/** Byte of kprobe_events that is shared by those who want RCU to hurry. */
const LOCK = 2 ** 40;

/** The switch, for one open kprobe_events. */
export class ExpeditedRcu {
  readonly #file: LockableFile;
  readonly #mark: string;
  readonly #path: string;

  /**
   * @param file kprobe_events
   * @param tracefs its folder
   * @param path the switch
   */
  constructor(file: LockableFile, tracefs: string, path: string) {
    this.#file = file;
    this.#mark = `${tracefs}/events/${MARK}`;
    this.#path = path;
  }

  /**
   * Makes RCU hurry until the result is disposed. Where that cannot be, things take longer.
   *
   * @param places what a kprobe can be put on; the first that the kernel takes serves for the mark
   */
  expedite(places: Iterable<string>): Disposable {
    this.#file.share(LOCK);
    expediteRcu(this.#path, () => this.#makeMark(places));
    return {
      [Symbol.dispose]: (): void => {
        this.#file.unlock(LOCK);
        this.restore();
      },
    };
  }

  /**
   * Switches off what a vrft has switched on, unless another one still wants it: the last one to let go
   * of the lock gets it here for itself.
   */
  restore(): void {
    if (!this.#file.tryLock(LOCK)) return;
    try {
      if (!exists(this.#mark)) return;
      relaxRcu(this.#path);
      this.#tryWrite(`-:${MARK}`);
    } finally {
      this.#file.unlock(LOCK);
    }
  }

  /** The mark comes before the switch: who finds it knows that the switch may have been left on. */
  #makeMark(places: Iterable<string>): boolean {
    for (const place of places) {
      // Another vrft may have made it a moment ago, of the same place.
      if (this.#tryWrite(`p:${MARK} ${place}`) || exists(this.#mark)) return true;
    }
    return false;
  }

  #tryWrite(line: string): boolean {
    try {
      this.#file.write(new TextEncoder().encode(`${line}\n`));
      return true;
    } catch (error) {
      if (error instanceof SystemError) return false;
      throw error;
    }
  }
}
