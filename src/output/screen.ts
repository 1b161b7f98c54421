/**
 * The whole terminal as a screen that is redrawn: the alternate screen of standard output, and keys of
 * standard input.
 *
 * @module
 */

import { isReadyForOutput } from "../sys/descriptors.ts";
import { KeyInput, terminalSize } from "../sys/terminal.ts";
import type { LineWriter } from "./line_writer.ts";

const STDIN = 0;
const STDOUT = 1;

/** Alternate screen, cleared, without cursor, and lines that do not wrap. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
/** Clears the rest of a line, and what is below. */
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** Milliseconds that a terminal has to take the end of the screen before the program stops. */
const SUSPEND_MS = 1000;

/** What a table needs of a terminal. */
export interface Screen {
  readonly size: { readonly columns: number; readonly rows: number };
  /** Whether an earlier frame is still being written. */
  readonly busy: boolean;
  /** Replaces what is shown; each line may have escape sequences. */
  draw(lines: readonly string[]): void;
  /** What was typed. */
  read(): Uint8Array;
}

/** What happens to a screen besides keys. */
export interface ScreenEvents {
  /** What is shown is no longer what was drawn: the size has changed, or the program was stopped. */
  stale(): void;
}

/** A screen that is shown from {@linkcode enter} to {@linkcode leave}. */
export class TerminalScreen implements Screen, Disposable {
  readonly #writer: LineWriter;
  readonly #keys = Deno.stdin.isTerminal() ? new KeyInput(STDIN) : null;
  #events: ScreenEvents | null = null;
  #isShown = false;

  /** @param writer to standard output, a terminal */
  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return terminalSize(STDOUT);
  }

  get busy(): boolean {
    return this.#writer.pending;
  }

  /** The input to watch; `null` if there are no keys. */
  get input(): number | null {
    return this.#keys?.fd ?? null;
  }

  enter(events: ScreenEvents): void {
    this.#events = events;
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
    globalThis.addEventListener("unload", this.#restoreNow);
    this.#show();
  }

  draw(lines: readonly string[]): void {
    if (!this.#isShown) return;
    const text = lines.map((line) => line + CLEAR_LINE).join("\r\n");
    this.#writer.text(`${HOME}${text}${CLEAR_BELOW}`);
    this.#writer.flush();
  }

  read(): Uint8Array {
    return this.#keys?.read() ?? new Uint8Array();
  }

  /** Shows what was there before. The writer's owner waits until it is written. */
  leave(): void {
    if (this.#events === null) return;
    this.#events = null;
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
    globalThis.removeEventListener("unload", this.#restoreNow);
    this.#hide();
  }

  /** If this was not left, the program has failed: the terminal is restored at once. */
  [Symbol.dispose](): void {
    this.#restoreNow();
    this.leave();
  }

  readonly #restoreNow = (): void => {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#keys?.leave();
    if (isReadyForOutput(STDOUT)) Deno.stdout.writeSync(new TextEncoder().encode(LEAVE));
  };

  readonly #handlers = new Map<Deno.Signal, () => void>([
    ["SIGWINCH", () => this.#events?.stale()],
    ["SIGTSTP", () => void this.#suspend()],
    ["SIGCONT", () => this.#resume()],
  ]);

  #show(): void {
    this.#keys?.enter();
    this.#isShown = true;
    this.#writer.text(ENTER);
    this.#writer.flush();
  }

  #hide(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#keys?.leave();
    this.#writer.text(LEAVE);
    this.#writer.flush();
  }

  /** Ctrl-Z: the shell gets the terminal as it was. */
  async #suspend(): Promise<void> {
    this.#hide();
    try {
      await this.#writer.finish(AbortSignal.timeout(SUSPEND_MS));
    } catch {
      // The next frame reports it.
    }
    Deno.kill(Deno.pid, "SIGSTOP");
  }

  /** The shell may have changed the terminal, even if this process did not stop by itself. */
  #resume(): void {
    this.#keys?.leave();
    this.#show();
    this.#events?.stale();
  }
}
