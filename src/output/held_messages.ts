/**
 * Messages for standard error, held back while the terminal shows a screen.
 *
 * @module
 */

import type { Messages } from "./messages.ts";

/** Most messages held; further ones push out the oldest. */
const MOST = 200;

/** Passes on messages, or holds them. */
export class HeldMessages implements Messages {
  readonly #to: Messages;
  #held: string[] | null = null;
  #show: (text: string) => void = () => {};
  #dropped = 0;

  constructor(to: Messages) {
    this.#to = to;
  }

  get busy(): boolean {
    return this.#to.busy;
  }

  write(text: string): void {
    if (this.#held === null) {
      this.#to.write(text);
      return;
    }
    this.#held.push(text);
    if (this.#held.length > MOST) {
      this.#held.shift();
      this.#dropped++;
    }
    this.#show(text);
  }

  /** From now on messages are held, and shown by `show`. */
  hold(show: (text: string) => void): void {
    this.#held ??= [];
    this.#show = show;
  }

  /** Passes on what was held, and whatever follows. */
  release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    if (this.#dropped > 0) this.#to.write(`vrft: ${this.#dropped} earlier messages left out\n`);
    this.#to.write(held.join(""));
  }
}
