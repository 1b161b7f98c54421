/**
 * Output of commands.
 *
 * @module
 */

/** Where a command's output goes; the program passes one that writes to its own streams. */
export interface CommandIo {
  /** Writes `text`, newlines included, to stdout: the command's result. */
  out(text: string): void;
  /** Logs `text`, one line without newline, to stderr: remarks for people. */
  log(text: string): void;
}
