/**
 * Tells that network devices of a namespace have come, gone or changed: the kernel announces that to
 * group RTNLGRP_LINK of rtnetlink(7).
 *
 * @module
 */

import { lastErrno, libc } from "./libc.ts";
import { NETLINK_ROUTE, openNetlink } from "./netlink_socket.ts";
import { inNetworkNamespace } from "./network_namespace.ts";

const RTNLGRP_LINK = 1;
const MSG_DONTWAIT = 0x40;
const ENOBUFS = 105;

/** Listens, from now on. */
export class LinkEvents implements Disposable {
  /** Nobody reads what the datagrams say; the kernel cuts them off. */
  readonly #head = new Uint8Array(16);
  #fd: number | null;

  /**
   * @param namespace file that stands for the namespace; this process's own unless it is given
   * @throws {SystemError} when the kernel does not let this process listen there
   */
  constructor(namespace?: string) {
    const open = (): number => openNetlink(NETLINK_ROUTE, RTNLGRP_LINK);
    this.#fd = namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  }

  /** A file descriptor that has input whenever there is something to {@linkcode take}. */
  get fd(): number {
    if (this.#fd === null) throw new Error("This has been disposed");
    return this.#fd;
  }

  /** Takes what has been announced. Whether there was anything, or so much that some was lost. */
  take(): boolean {
    const room = BigInt(this.#head.length);
    for (let some = false;; some = true) {
      const length = libc().recv(this.fd, this.#head, room, MSG_DONTWAIT);
      // That announcements were lost is told once, and is one itself.
      if (length < 0 && lastErrno() !== ENOBUFS) return some;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== null) libc().close(this.#fd);
    this.#fd = null;
  }
}
