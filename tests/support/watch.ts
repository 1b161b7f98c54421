/**
 * Ends a test process that hangs, and says in which input: a test cannot notice that itself.
 *
 * @module
 */

/** Milliseconds without a beat that are a hang: an input takes microseconds. */
const PATIENCE_MS = 60_000;

/** Indexes of what the two threads share. */
export const BEAT = 0;
export const STOPPED = 1;

/** What the watching thread is told. */
export interface Watched {
  readonly shared: Int32Array<SharedArrayBuffer>;
  /** Whose inputs they are. */
  readonly title: string;
  readonly patienceMs: number;
}

/** Watches from another thread, until it is disposed, that beats keep coming. */
export class Watch implements Disposable {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker = new Worker(import.meta.resolve("./watch_worker.ts"), { type: "module" });

  /** @param title what to say that hangs */
  constructor(title: string, patienceMs: number = PATIENCE_MS) {
    const watched: Watched = { shared: this.#shared, title, patienceMs };
    this.#worker.postMessage(watched);
  }

  /** Says that the input of this number is at work now. */
  beat(run: number): void {
    Atomics.store(this.#shared, BEAT, run);
  }

  [Symbol.dispose](): void {
    Atomics.store(this.#shared, STOPPED, 1);
    Atomics.notify(this.#shared, STOPPED);
    this.#worker.terminate();
  }
}
