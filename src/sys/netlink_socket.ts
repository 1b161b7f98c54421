/**
 * A netlink socket of this process (netlink(7)), by libc.
 *
 * @module
 */

import { disposedError } from "./disposed.ts";
import { check, errorText, lastErrno, libc } from "./libc.ts";
import { NetlinkError, type NetlinkTransport } from "./netlink.ts";
import { viewOf } from "./view.ts";

/** NETLINK_ROUTE: network devices, addresses and routes. */
export const NETLINK_ROUTE = 0;
/** NETLINK_KOBJECT_UEVENT: events of kernel objects. */
export const NETLINK_KOBJECT_UEVENT = 15;
/** NETLINK_GENERIC: families registered by kernel modules. */
export const NETLINK_GENERIC = 16;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const MSG_TRUNC = 0x20;

const EINTR = 4;
const EAGAIN = 11;
const EMSGSIZE = 90;
const ENOBUFS = 105;
const ETIMEDOUT = 110;

/** sizeof(struct sockaddr_nl): family, padding, port, groups. */
const ADDRESS_BYTES = 12;
/** Offset of nl_pid in struct sockaddr_nl. */
const ADDRESS_PORT_OFFSET = 4;

/** The kernel fills a datagram of a dump up to 32 KiB (netlink_dump(), since 3.18). */
const RECEIVE_BUFFER_BYTES = 65536;

/** Time for a whole answer. Longer than the kernel ever needs, including waits for its locks. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Opens a socket connected to port 0, the kernel's, so that it rejects messages from other processes.
 * Connecting also binds it to a port of its own.
 *
 * @param group multicast group to join; none by default
 * @returns its file descriptor, to be closed by the caller
 * @throws {SystemError} if the kernel refuses
 */
export function openNetlink(protocol: number, group?: number): number {
  const fd = check(
    "Cannot open a netlink socket",
    libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol),
  );
  try {
    const address = new Uint8Array(ADDRESS_BYTES);
    viewOf(address).setUint16(0, AF_NETLINK, true);
    check("Cannot connect a netlink socket", libc().connect(fd, address, ADDRESS_BYTES));
    if (group !== undefined) {
      const value = new Uint8Array(new Uint32Array([group]).buffer);
      check(
        `Cannot listen to netlink group ${group}`,
        libc().setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, value, value.length),
      );
    }
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** A socket that only talks to the kernel. */
export class NetlinkSocket implements NetlinkTransport, Disposable {
  readonly port: number;
  #fd: number;
  readonly #timeoutMs: number;
  readonly #buffer = new Uint8Array(RECEIVE_BUFFER_BYTES);
  #deadline = 0;

  /**
   * @param protocol {@linkcode NETLINK_ROUTE} or {@linkcode NETLINK_GENERIC}
   * @param timeoutMs milliseconds from a request to the end of its answer
   * @throws {SystemError} if the kernel refuses
   */
  constructor(protocol: number, timeoutMs: number = ANSWER_TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
    this.#fd = openNetlink(protocol);
    try {
      const address = new Uint8Array(ADDRESS_BYTES);
      const length = new Uint32Array([ADDRESS_BYTES]);
      check(
        "Cannot read the port of a netlink socket",
        libc().getsockname(this.#fd, address, new Uint8Array(length.buffer)),
      );
      this.port = viewOf(address).getUint32(ADDRESS_PORT_OFFSET, true);
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  /**
   * Sends one datagram, and starts the timeout of its answer.
   *
   * @throws {SystemError} if the kernel rejects it
   * @throws {ReferenceError} after dispose
   */
  send(datagram: Uint8Array<ArrayBuffer>): void {
    if (this.#fd < 0) throw disposedError("The netlink socket");
    this.#deadline = performance.now() + this.#timeoutMs;
    check(
      "Cannot send a netlink request",
      libc().send(this.#fd, datagram, BigInt(datagram.length), 0),
    );
  }

  /**
   * Waits for the next datagram, blocking the thread.
   *
   * @returns a copy of its bytes
   * @throws {NetlinkError} ETIMEDOUT after the timeout since {@linkcode send}, EINTR if a signal arrived
   * while nothing was there, EMSGSIZE if the datagram is longer than any should be, ENOBUFS if the
   * kernel had to drop one
   */
  receive(): Uint8Array<ArrayBuffer> {
    if (this.#fd < 0) throw disposedError("The netlink socket");
    const left = this.#deadline - performance.now();
    if (left <= 0) throw this.#timedOut();
    this.#limitReceive(left);
    // With MSG_TRUNC the result is the full length of the datagram, even if it did not fit.
    const received = Number(
      libc().recv(this.#fd, this.#buffer, BigInt(RECEIVE_BUFFER_BYTES), MSG_TRUNC),
    );
    if (received > RECEIVE_BUFFER_BYTES) {
      throw new NetlinkError(`a datagram of the answer has ${received} bytes`, EMSGSIZE);
    }
    if (received >= 0) return this.#buffer.slice(0, received);
    const errno = lastErrno();
    switch (errno) {
      case EINTR:
        // The kernel answers from within send(), and produces each further part of a dump from within
        // recv(): a wait here may never end, so any signal ends it. Only the event loop, which is
        // blocked meanwhile, can tell which signal it was.
        throw new NetlinkError("a signal arrived before the kernel answered", EINTR);
      case EAGAIN:
        throw this.#timedOut();
      case ENOBUFS:
        throw new NetlinkError("the answer overran the socket's receive buffer", ENOBUFS);
      default:
        throw new NetlinkError(`the answer cannot be received: ${errorText(errno)}`, errno);
    }
  }

  /** Sets SO_RCVTIMEO: a struct timeval of 64-bit seconds and microseconds. */
  #limitReceive(milliseconds: number): void {
    // A zero timeval means no timeout.
    const microseconds = Math.max(1, Math.ceil(milliseconds * 1000));
    const timeval = new BigInt64Array([
      BigInt(Math.floor(microseconds / 1_000_000)),
      BigInt(microseconds % 1_000_000),
    ]);
    const bytes = new Uint8Array(timeval.buffer);
    check(
      "Cannot limit the wait on a netlink socket",
      libc().setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, bytes, bytes.length),
    );
  }

  #timedOut(): NetlinkError {
    return new NetlinkError(
      `the kernel did not answer within ${this.#timeoutMs / 1000} s`,
      ETIMEDOUT,
    );
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    libc().close(this.#fd);
    // A second close could hit a descriptor opened in the meantime.
    this.#fd = -1;
  }
}
