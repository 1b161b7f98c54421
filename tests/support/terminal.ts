/**
 * A pseudoterminal (pty(7)) for running programs.
 *
 * @module
 */

import { addressOf, check, cString, libc } from "../../src/sys/libc.ts";
import { Poller } from "../../src/sys/poller.ts";

const SYS_OPEN = 2n; // x86-64
const O_RDWR = 2n;
const O_NOCTTY = 0x100n;
const O_NONBLOCK = 0x800n;
const TIOCSPTLCK = 0x40045431n;
const TIOCGPTN = 0x80045430n;
const TIOCSWINSZ = 0x5414n;
const TCGETS = 0x5401n;
/** The kernel's struct termios. */
const TERMIOS_BYTES = 36;
/** Maximum size of a read. */
const CHUNK_BYTES = 65536;
/** Milliseconds to wait for output. */
const PATIENCE_MS = 120_000;

/** The master side. */
export class Terminal implements Disposable {
  readonly #fd: number;
  readonly #path: string;
  readonly #poller: Poller;
  readonly #decoder = new TextDecoder();
  #text = "";

  /** @param columns width of the terminal */
  constructor(columns: number) {
    const flags = O_RDWR | O_NOCTTY | O_NONBLOCK;
    const path = cString("/dev/ptmx");
    const opened = libc().syscall(SYS_OPEN, addressOf(path), flags, 0n, 0n, 0n, 0n);
    this.#fd = check("Cannot open a terminal", opened);
    const number = new Int32Array(1);
    check("Cannot unlock a terminal", libc().ioctl(this.#fd, TIOCSPTLCK, addressOf(number)));
    check("Cannot number a terminal", libc().ioctl(this.#fd, TIOCGPTN, addressOf(number)));
    this.#path = `/dev/pts/${number[0]}`;
    this.#poller = new Poller(this.#fd);
    this.resize(columns);
  }

  /** Changes the size; the kernel sends SIGWINCH to the program. */
  resize(columns: number, rows: number = 24): void {
    const size = new Uint16Array([rows, columns, 0, 0]);
    check("Cannot resize a terminal", libc().ioctl(this.#fd, TIOCSWINSZ, addressOf(size)));
  }

  /** Its modes, in hexadecimal. */
  get modes(): string {
    const modes = new Uint8Array(TERMIOS_BYTES);
    check("Cannot read the modes", libc().ioctl(this.#fd, TCGETS, addressOf(modes)));
    return modes.toHex();
  }

  /** Starts a program with it as controlling terminal and standard streams. */
  start(program: string, ...args: string[]): Deno.ChildProcess {
    const script = `exec setsid -c "$@" <>${this.#path} >&0 2>&0`;
    return new Deno.Command("sh", { args: ["-c", script, "sh", program, ...args] }).spawn();
  }

  /** Runs a program to its end, and returns its exit status. */
  async run(program: string, ...args: string[]): Promise<number> {
    await using child = this.start(program, ...args);
    let code: number | undefined;
    // All its output is in the terminal by then, and no other program writes to it.
    const ended = child.status.then((status) => code = status.code);
    await this.until(() => code !== undefined);
    return await ended;
  }

  /** Types `keys`. */
  type(keys: string): void {
    const bytes = new TextEncoder().encode(keys);
    check("Cannot type", libc().write(this.#fd, bytes, BigInt(bytes.length)));
  }

  /** All output read so far. */
  get text(): string {
    return this.#text;
  }

  /** Reads until `enough` returns true. */
  async until(enough: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (this.#read(); !enough(); this.#read()) {
      if (performance.now() > deadline) throw new Error(`Nothing more came: ${this.#text}`);
      await this.#poller.wait(1000);
    }
  }

  #read(): void {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const length = Number(libc().read(this.#fd, chunk, BigInt(chunk.length)));
      // EIO after the last program has closed it.
      if (length <= 0) return;
      this.#text += this.#decoder.decode(chunk.subarray(0, length), { stream: true });
    }
  }

  [Symbol.dispose](): void {
    this.#poller[Symbol.dispose]();
    libc().close(this.#fd);
  }
}
