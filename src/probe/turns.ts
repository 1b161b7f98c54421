/**
 * Turns of Deno's event loop amid long work, without which nothing hears a signal.
 *
 * @module
 */

import { AttachCancelled, type AttachProgress } from "./backend.ts";

/** Milliseconds of work between two turns. */
const WORK_MS = 50;
/** Milliseconds of rest while somebody else is waited for. */
const REST_MS = 20;
/** Milliseconds until the user is told that this takes its time. */
const LONG_MS = 1000;

/** Gives the event loop its turns, and ends the work when the user wants out. */
export class Turns {
  readonly #progress: Pick<AttachProgress, "cancelled" | "info">;
  #message: string | null;
  readonly #start = performance.now();
  #last = this.#start;

  /** @param message told once if the work takes longer than a moment; `null` for no word about it */
  constructor(progress: Pick<AttachProgress, "cancelled" | "info">, message: string | null = null) {
    this.#progress = progress;
    this.#message = message;
  }

  /**
   * A turn, if the last one was a while ago.
   *
   * @returns whether it was
   * @throws {AttachCancelled} when the user wants out
   */
  async give(): Promise<boolean> {
    this.#endIfCancelled();
    if (performance.now() - this.#last < WORK_MS) return false;
    await this.#turn(0);
    return true;
  }

  /** A turn, and a little rest. @throws {AttachCancelled} when the user wants out */
  async rest(): Promise<void> {
    await this.#turn(REST_MS);
  }

  async #turn(milliseconds: number): Promise<void> {
    if (this.#message !== null && performance.now() - this.#start > LONG_MS) {
      this.#progress.info(this.#message);
      this.#message = null;
    }
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.#endIfCancelled();
    this.#last = performance.now();
  }

  #endIfCancelled(): void {
    if (this.#progress.cancelled()) throw new AttachCancelled();
  }
}
