/**
 * Sleeps until a ring buffer has something, somebody in this process wants attention, or a time is
 * up: epoll over the ring's fd and an eventfd.
 *
 * @module
 */

import { check, libc } from "./libc.ts";

const EPOLL_CLOEXEC = 0x80000;
const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLET = 0x80000000;
const EPOLL_EVENT_BYTES = 12; // packed on x86-64

/** What is added to an eventfd's counter, a u64. */
const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

/** Waits for one file descriptor, and can be woken. */
export class Poller implements Disposable {
  readonly #epoll: number;
  readonly #wake: number;
  readonly #opened: DisposableStack;
  readonly #events = new Uint8Array(2 * EPOLL_EVENT_BYTES);
  readonly #count = new Uint8Array(8);

  /**
   * @param fd watched for input, edge-triggered: a BPF ring signals each wake-up of a program, and
   * says nothing of records written without one
   * @throws {SystemError} when the kernel refuses
   */
  constructor(fd: number) {
    using opened = new DisposableStack();
    this.#epoll = check("Cannot create an epoll instance", libc().epoll_create1(EPOLL_CLOEXEC));
    opened.defer(() => libc().close(this.#epoll));
    this.#wake = check("Cannot create an eventfd", libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    opened.defer(() => libc().close(this.#wake));
    this.#watch(fd, EPOLLIN | EPOLLET);
    this.#watch(this.#wake, EPOLLIN);
    this.#opened = opened.move();
  }

  #watch(fd: number, events: number): void {
    const event = new Uint8Array(EPOLL_EVENT_BYTES);
    new DataView(event.buffer).setUint32(0, events, true);
    check(
      "Cannot watch a file descriptor",
      libc().epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event),
    );
  }

  /**
   * Waits, with Deno's event loop running meanwhile.
   *
   * @param milliseconds at most; 0 only lets the event loop turn
   */
  async wait(milliseconds: number): Promise<void> {
    // A negative result is EINTR: a signal came, which the caller looks at anyway.
    await libc().epoll_wait(this.#epoll, this.#events, 2, milliseconds);
    libc().read(this.#wake, this.#count, 8n);
  }

  /** Ends the present {@linkcode wait}, or the next one if there is none. */
  wake(): void {
    libc().write(this.#wake, ONE, 8n);
  }

  [Symbol.dispose](): void {
    this.#opened.dispose();
  }
}
