/**
 * Log lines on standard error: `2026/11/22 18:52:25 BTF is enabled`.
 *
 * @module
 */

import { localDay, timeOfDay } from "./drops/wall_clock.ts";
import { printable } from "../sys/printable.ts";
import { type Messages, standardError } from "./messages.ts";

/** Options of {@linkcode Log}. */
export interface LogOptions {
  /** Also write {@linkcode Log.debug} messages. Off by default. */
  readonly debug?: boolean;
  /** Where lines go; standard error by default. */
  readonly messages?: Messages;
  /** The clock; the system's by default. */
  readonly now?: () => Date;
}

export class Log {
  readonly #debug: boolean;
  readonly #messages: Messages;
  readonly #now: () => Date;

  constructor(options: LogOptions = {}) {
    this.#debug = options.debug ?? false;
    this.#messages = options.messages ?? standardError;
    this.#now = options.now ?? ((): Date => new Date());
  }

  /**
   * Writes a message; each of its lines becomes a log line.
   *
   * @param message may contain unprintable characters; they are escaped here
   */
  info(message: string): void {
    const time = timeOf(this.#now());
    const lines = message.replace(/\n$/, "").split("\n");
    this.#messages.write(lines.map((line) => `${time} ${printable(line)}\n`).join(""));
  }

  /** Like {@linkcode info}, but only with `--debug`. */
  debug(message: string): void {
    if (this.#debug) this.info(message);
  }
}

/** Local time in the format of Go's log package: `2026/11/22 18:52:25`. */
function timeOf(date: Date): string {
  return `${localDay(date)} ${timeOfDay(date)}`;
}
