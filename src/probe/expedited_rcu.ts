/**
 * The switch for expedited RCU, shared by all running vrfts: the first one turns it on, the last one turns
 * it off, and the next one notices if a killed one has left it on.
 *
 * @module
 */

import { exists } from "../sys/files.ts";
import { SystemError } from "../sys/libc.ts";
import type { LockableFile } from "../sys/lockable_file.ts";
import { expediteRcu, relaxRcu } from "../sys/rcu.ts";

/** Event that only marks that a vrft turned the switch on. Events outlive their creator, but not a boot. */
const GROUP = "vrft_rcu";
const EVENT = "expedited";
const MARK = `${GROUP}/${EVENT}`;

/** Byte of kprobe_events with a shared lock of all that need expedited RCU. */
const LOCK = 2 ** 40;

/** The switch, for one open kprobe_events. */
export class ExpeditedRcu {
  readonly #file: LockableFile;
  readonly #mark: string;
  readonly #path: string;

  /**
   * @param file kprobe_events
   * @param tracefs its directory
   * @param path the switch
   */
  constructor(file: LockableFile, tracefs: string, path: string) {
    this.#file = file;
    this.#mark = `${tracefs}/events/${MARK}`;
    this.#path = path;
  }

  /**
   * Expedites RCU until the result is disposed. If that is not possible, things take longer.
   *
   * @param places for a kprobe; the first that the kernel accepts is used for the mark
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
   * Turns off what a vrft has turned on, unless another one still needs it: the last one to release the
   * lock can take it exclusively here.
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

  /** The mark precedes the switch, so that finding it means the switch may have been left on. */
  #makeMark(places: Iterable<string>): boolean {
    for (const place of places) {
      // Another vrft may have just created it in the same place.
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
