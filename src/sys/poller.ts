/**
 * Sleeps until a ring buffer or another file descriptor is readable, this process wakes it, or a
 * timeout expires: epoll over their fds and an eventfd.
 *
 * @module
 */

import { disposedError } from "./disposed.ts";
import { check, libc } from "./libc.ts";

const EPOLL_CLOEXEC = 0x80000;
const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLET = 0x80000000;
const EPOLL_EVENT_BYTES = 12; // packed on x86-64
const EPOLL_EVENT_DATA = 4;
/** Events fetched at once; the rest comes with the next wait. */
const EVENTS_AT_ONCE = 4;

/** The value added to an eventfd's counter, a u64. */
const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

/** Waits for file descriptors, and can be woken. */
export class Poller implements Disposable {
  readonly #epoll: number;
  readonly #wake: number;
  readonly #opened: DisposableStack;
  readonly #events = new Uint8Array(EVENTS_AT_ONCE * EPOLL_EVENT_BYTES);
  readonly #view = new DataView(this.#events.buffer);
  readonly #count = new Uint8Array(8);
  /** By file descriptor: the handler of its input. */
  readonly #handlers = new Map<number, () => void>();

  /**
   * @param fd watched for input, edge-triggered: a BPF ring signals each wake-up by a program, but not
   * records written without one
   * @throws {SystemError} if the kernel refuses
   */
  constructor(fd: number) {
    using opened = new DisposableStack();
    this.#epoll = check("Cannot create an epoll instance", libc().epoll_create1(EPOLL_CLOEXEC));
    opened.defer(() => libc().close(this.#epoll));
    this.#wake = check("Cannot create an eventfd", libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    opened.defer(() => libc().close(this.#wake));
    this.#add(fd, EPOLLIN | EPOLLET);
    this.#add(this.#wake, EPOLLIN);
    this.#handlers.set(this.#wake, () => libc().read(this.#wake, this.#count, 8n));
    this.#opened = opened.move();
  }

  /**
   * Watches another file descriptor for input, as long as there is some.
   *
   * @param fd must stay open while this poller is in use
   * @param ready called by a {@linkcode wait} that finds input; must consume all of it. The wait passes
   * on what it throws
   * @throws {SystemError} if the kernel refuses
   * @throws {ReferenceError} after dispose
   */
  watch(fd: number, ready: () => void): void {
    this.#requireOpen();
    this.#add(fd, EPOLLIN);
    this.#handlers.set(fd, ready);
  }

  #add(fd: number, events: number): void {
    const event = new Uint8Array(EPOLL_EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, events, true);
    view.setInt32(EPOLL_EVENT_DATA, fd, true);
    check(
      "Cannot watch a file descriptor",
      libc().epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event),
    );
  }

  /**
   * Waits while Deno's event loop runs.
   *
   * @param milliseconds at most; 0 only runs one turn of the event loop
   * @throws {ReferenceError} after dispose
   */
  async wait(milliseconds: number): Promise<void> {
    this.#requireOpen();
    // A negative result is EINTR: a signal, which the caller checks anyway.
    const count = await libc().epoll_wait(this.#epoll, this.#events, EVENTS_AT_ONCE, milliseconds);
    // The handlers may be gone along with the poller.
    if (this.#opened.disposed) return;
    for (let event = 0; event < count; event++) {
      const data = event * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA;
      this.#handlers.get(this.#view.getInt32(data, true))?.();
    }
  }

  /**
   * Ends the current {@linkcode wait}, or the next one if there is none.
   *
   * @throws {ReferenceError} after dispose
   */
  wake(): void {
    this.#requireOpen();
    libc().write(this.#wake, ONE, 8n);
  }

  /** After dispose, its descriptor numbers may have been reused. */
  #requireOpen(): void {
    if (this.#opened.disposed) throw disposedError("The poller");
  }

  [Symbol.dispose](): void {
    this.#opened.dispose();
  }
}
