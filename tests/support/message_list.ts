/**
 * A standard error that keeps what is written.
 *
 * @module
 */

import type { Messages } from "../../src/output/messages.ts";

/** Collects messages. */
export class MessageList implements Messages {
  text = "";
  busy = false;

  write(text: string): void {
    this.text += text;
  }
}
