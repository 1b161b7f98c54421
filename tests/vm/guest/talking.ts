/**
 * A vrft whose log is read while it runs.
 *
 * @module
 */

/** The result of the program. */
export interface TalkEnded {
  readonly code: number;
  /** All of its log. */
  readonly stderr: string;
}

/** A running program, with its stderr so far. */
export class Talking implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #over: Promise<void>;
  #text = "";
  #waiting: () => void = () => {};
  #done = false;

  /** Starts `command`; its stdout is discarded. */
  constructor(command: readonly string[]) {
    const [program, ...args] = command;
    this.#child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#over = this.#read();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#text += chunk;
      this.#waiting();
    }
    this.#done = true;
    this.#waiting();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until its stderr matches `pattern`. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      if (this.#done) throw new Error(`It never said ${pattern}: ${this.#text}`);
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
  }

  /** Sends a signal, if given, and waits for the exit. */
  async end(signal?: Deno.Signal): Promise<TalkEnded> {
    if (signal !== undefined) this.#child.kill(signal);
    await this.#over;
    const { code } = await this.#child.status;
    return { code, stderr: this.#text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#over;
    await this.#child.status;
  }
}
