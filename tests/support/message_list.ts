/**
 * Messages that are stored rather than written to standard error.
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
