/**
 * How commands speak.
 *
 * @module
 */

/** Where a command's words go; the program gives one that writes to its own streams. */
export interface CommandIo {
  /** Writes `text` as it stands, newlines included, to stdout: what the command is asked for. */
  out(text: string): void;
  /** Logs `text`, one line without newline, to stderr: what a person may want to know besides. */
  log(text: string): void;
}
