/**
 * Modes and size of a terminal: termios(3) by ioctl_tty(2).
 *
 * @module
 */

import { addressOf, check, libc } from "./libc.ts";

const TCGETS = 0x5401n;
const TCSETS = 0x5402n;
const TIOCGWINSZ = 0x5413n;

/** The kernel's struct termios: four words of flags, the line discipline, 19 characters. */
const TERMIOS_BYTES = 36;
const LOCAL_FLAGS = 12;
const CHARACTERS = 17;
const VQUIT = 1;
const VTIME = 5;
const VMIN = 6;

const ICANON = 0x2;
const ECHO = 0x8;

/** Size if the terminal does not know its own, as a serial line. */
const USUAL_SIZE = { columns: 80, rows: 24 };

/**
 * A terminal's input, whose keys are read one by one while this is entered. Ctrl-C and Ctrl-Z still
 * send their signals; Ctrl-\, which would end the program at once, does not.
 */
export class KeyInput {
  readonly fd: number;
  #saved: Uint8Array<ArrayBuffer> | null = null;

  /** @param fd of a terminal */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** Saves the terminal's modes and sets those for keys. */
  enter(): void {
    if (this.#saved !== null) return;
    const saved = new Uint8Array(TERMIOS_BYTES);
    check("Cannot read the modes of the terminal", control(this.fd, TCGETS, saved));
    const modes = saved.slice();
    const view = new DataView(modes.buffer);
    view.setUint32(LOCAL_FLAGS, view.getUint32(LOCAL_FLAGS, true) & ~(ICANON | ECHO), true);
    // A read never waits.
    modes[CHARACTERS + VMIN] = 0;
    modes[CHARACTERS + VTIME] = 0;
    modes[CHARACTERS + VQUIT] = 0;
    check("Cannot set the modes of the terminal", control(this.fd, TCSETS, modes));
    this.#saved = saved;
  }

  /** Restores the modes. Does nothing if they were not set. */
  leave(): void {
    const saved = this.#saved;
    this.#saved = null;
    // If the terminal is gone, so are its modes.
    if (saved !== null) control(this.fd, TCSETS, saved);
  }

  /** What was typed. Never waits while this is entered; empty if there is nothing. */
  read(): Uint8Array {
    const bytes = new Uint8Array(256);
    const length = Number(libc().read(this.fd, bytes, BigInt(bytes.length)));
    return bytes.subarray(0, Math.max(0, length));
  }
}

/** Size of a terminal in cells. */
export function terminalSize(fd: number): { columns: number; rows: number } {
  const size = new Uint16Array(4);
  if (control(fd, TIOCGWINSZ, size) < 0) return USUAL_SIZE;
  const [rows = 0, columns = 0] = size;
  return {
    columns: columns === 0 ? USUAL_SIZE.columns : columns,
    rows: rows === 0 ? USUAL_SIZE.rows : rows,
  };
}

function control(fd: number, request: bigint, argument: Uint8Array | Uint16Array): number {
  return libc().ioctl(fd, request, addressOf(argument as Uint8Array<ArrayBuffer>));
}
