/**
 * Detects that a kernel module is unloaded or reloaded while it is in use.
 *
 * The kernel announces that by uevents: datagrams to netlink group 1 whose first string is
 * `ACTION@DEVPATH` (lib/kobject_uevent.c), here `remove@/module/vrouter` and `add@/module/vrouter`.
 * They go to every network namespace owned by the initial user namespace. Without them, or if too many
 * come at once, /sys/module can be polled: each load creates a directory with a new inode number (sysfs
 * numbers them sequentially).
 *
 * @module
 */

import { libc, SystemError } from "./libc.ts";
import { NETLINK_KOBJECT_UEVENT, openNetlink } from "./netlink_socket.ts";

/** State of a module: still the first one, unloaded, or replaced by another one. */
export type ModuleState = "same" | "unloaded" | "replaced";

/** The group the kernel sends to; udevd uses group 2. */
const KERNEL_GROUP = 1;
const MSG_DONTWAIT = 0x40;
/** More than any datagram: its strings are limited to UEVENT_BUFFER_SIZE, 2048 bytes. */
const HEAD_BYTES = 4096;

/** Watches one module from its construction on. */
export class ModuleWatch implements Disposable {
  readonly #name: string;
  readonly #directory: string;
  readonly #inode: number | null;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #decoder = new TextDecoder();
  #fd: number | null;
  #state: ModuleState = "same";

  /**
   * @param name of the module, which need not be loaded
   * @param sysfs where the kernel lists its modules
   */
  constructor(name: string, sysfs: string = "/sys/module") {
    this.#name = name;
    this.#directory = `${sysfs}/${name}`;
    this.#inode = this.#lookUp();
    this.#fd = openUevents();
  }

  /**
   * A file descriptor that becomes readable when {@linkcode state}, which consumes the input, may have
   * changed; `null` if the kernel does not announce events to this process.
   */
  get fd(): number | null {
    return this.#fd;
  }

  /** The current state of the module. */
  state(): ModuleState {
    this.#takeEvents();
    // After the events, and never back: a module's directory outlives the event of its removal.
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

/** A socket for the kernel's uevents; `null` if that is denied. */
function openUevents(): number | null {
  try {
    return openNetlink(NETLINK_KOBJECT_UEVENT, KERNEL_GROUP);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return null;
  }
}
