/**
 * Runs turns of Deno's event loop during long work, so that signals are handled.
 *
 * @module
 */

import { AttachCancelled, type AttachProgress } from "./backend.ts";

/** Milliseconds of work between two turns. */
const WORK_MS = 50;
/** Milliseconds to sleep while waiting for another process. */
const REST_MS = 20;
/** Milliseconds until the user is informed that this takes a while. */
const LONG_MS = 1000;

/** Runs turns of the event loop, and ends the work if the user interrupts. */
export class Turns {
  readonly #progress: Pick<AttachProgress, "cancelled" | "info">;
  #message: string | null;
  readonly #start = performance.now();
  #last = this.#start;

  /** @param message logged once if the work takes longer; `null` for none */
  constructor(progress: Pick<AttachProgress, "cancelled" | "info">, message: string | null = null) {
    this.#progress = progress;
    this.#message = message;
  }

  /**
   * Runs a turn, if the last one was a while ago.
   *
   * @returns whether it did
   * @throws {AttachCancelled} if the user interrupts
   */
  async give(): Promise<boolean> {
    this.#endIfCancelled();
    if (performance.now() - this.#last < WORK_MS) return false;
    await this.#turn(0);
    return true;
  }

  /** Runs a turn, and sleeps a little. @throws {AttachCancelled} if the user interrupts */
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
