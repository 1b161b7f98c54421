/**
 * Notifications that network devices of a namespace were added, deleted or changed: group RTNLGRP_LINK
 * of rtnetlink(7).
 *
 * @module
 */

import { disposedError } from "./disposed.ts";
import { lastErrno, libc } from "./libc.ts";
import { NETLINK_ROUTE, openNetlink } from "./netlink_socket.ts";
import { inNetworkNamespace } from "./network_namespace.ts";

const RTNLGRP_LINK = 1;
const MSG_DONTWAIT = 0x40;
const ENOBUFS = 105;

/** A subscription, from its construction on. */
export class LinkEvents implements Disposable {
  /** The contents of notifications are not needed, so they may be truncated. */
  readonly #head = new Uint8Array(16);
  #fd: number | null;

  /**
   * @param namespace file of the namespace; by default this process's own
   * @throws {SystemError} if the kernel refuses the subscription
   */
  constructor(namespace?: string) {
    const open = (): number => openNetlink(NETLINK_ROUTE, RTNLGRP_LINK);
    this.#fd = namespace === undefined ? open() : inNetworkNamespace(namespace, open);
  }

  /** Readable while there are notifications to {@linkcode take}. */
  get fd(): number {
    if (this.#fd === null) throw disposedError("The subscription to links");
    return this.#fd;
  }

  /** Consumes all notifications. Returns whether there were any, lost ones included. */
  take(): boolean {
    const room = BigInt(this.#head.length);
    for (let some = false;; some = true) {
      const length = libc().recv(this.fd, this.#head, room, MSG_DONTWAIT);
      // ENOBUFS reports lost notifications, once.
      if (length < 0 && lastErrno() !== ENOBUFS) return some;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== null) libc().close(this.#fd);
    this.#fd = null;
  }
}
