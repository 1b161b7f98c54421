/**
 * Tells that a kernel module was unloaded, or loaded anew, while somebody works with it.
 *
 * The kernel announces that by uevents: datagrams to netlink group 1 whose first string is
 * `ACTION@DEVPATH` (lib/kobject_uevent.c), here `remove@/module/vrouter` and `add@/module/vrouter`.
 * They go to every network namespace that belongs to the initial user namespace. Where there are none,
 * or too many at once, /sys/module tells it to those who ask: each loading makes a directory with another
 * inode number (sysfs numbers them one by one).
 *
 * @module
 */

import { libc, SystemError } from "./libc.ts";
import { NETLINK_KOBJECT_UEVENT, openNetlink } from "./netlink_socket.ts";

/** What has become of a module: it is the one that was there at first, is gone, or is another one. */
export type ModuleState = "same" | "unloaded" | "replaced";

/** The group that the kernel sends to; those of udevd are in group 2. */
const KERNEL_GROUP = 1;
const MSG_DONTWAIT = 0x40;
/** More than a datagram has: its strings are held to UEVENT_BUFFER_SIZE, 2048 bytes. */
const HEAD_BYTES = 4096;

/** Watches one module, from now on. */
export class ModuleWatch implements Disposable {
  readonly #name: string;
  readonly #directory: string;
  readonly #inode: number | null;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #decoder = new TextDecoder();
  #fd: number | null;
  #state: ModuleState = "same";

  /**
   * @param name of the module; it may be absent
   * @param sysfs where the kernel lists its modules
   */
  constructor(name: string, sysfs: string = "/sys/module") {
    this.#name = name;
    this.#directory = `${sysfs}/${name}`;
    this.#inode = this.#lookUp();
    this.#fd = openUevents();
  }

  /**
   * A file descriptor that has input whenever something is worth a look at {@linkcode state}, which
   * takes that input; `null` where the kernel does not announce anything to this process.
   */
  get fd(): number | null {
    return this.#fd;
  }

  /** What has become of the module by now. */
  state(): ModuleState {
    this.#takeEvents();
    // Behind the events, and never back: the directory of a module outlives the event of its end.
    if (this.#inode !== null) {
      const inode = this.#lookUp();
      if (inode !== null && inode !== this.#inode) this.#state = "replaced";
      if (inode === null && this.#state === "same") this.#state = "unloaded";
    }
    return this.#state;
  }

  #takeEvents(): void {
    if (this.#fd === null) return;
    for (;;) {
      const bytes = BigInt(HEAD_BYTES);
      const length = Number(libc().recv(this.#fd, this.#head, bytes, MSG_DONTWAIT));
      if (length < 0) return;
      const head = this.#head.subarray(0, length);
      const end = head.indexOf(0);
      const event = this.#decoder.decode(end < 0 ? head : head.subarray(0, end));
      if (event === `remove@/module/${this.#name}`) this.#state = "unloaded";
      if (event === `add@/module/${this.#name}` && this.#state === "unloaded") {
        this.#state = "replaced";
      }
    }
  }

  /** Inode number of the module's directory; `null` without one. */
  #lookUp(): number | null {
    try {
      return Deno.statSync(this.#directory).ino;
    } catch {
      return null;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== null) libc().close(this.#fd);
    this.#fd = null;
  }
}

/** A socket that brings the kernel's uevents; `null` where that is not granted. */
function openUevents(): number | null {
  try {
    return openNetlink(NETLINK_KOBJECT_UEVENT, KERNEL_GROUP);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return null;
  }
}
