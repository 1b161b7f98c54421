/**
 * kprobe events through tracefs: making them, naming them, and removing them again.
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { exists } from "../sys/files.ts";
import { expediteRcu, RCU_EXPEDITED, relaxRcu } from "../sys/rcu.ts";

/** Where the kernel's files are. */
export interface KprobeEventPaths {
  /** Places of tracefs: the first with kprobe events counts. */
  readonly tracefs: readonly string[];
  readonly rcuExpedited: string;
}

/** The places of a running system. */
const SYSTEM_PATHS: KprobeEventPaths = {
  tracefs: ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"],
  rcuExpedited: RCU_EXPEDITED,
};

/** Groups of events that vrft makes are called so, with its pid behind. */
const GROUP_PREFIX = "vrft_";

/** Event of no use but to say that this vrft has made RCU hurry, and has to undo that. */
const EXPEDITED = "rcu_expedited";

function findTracefs(places: readonly string[]): string {
  for (const path of places) {
    try {
      Deno.statSync(`${path}/kprobe_events`);
      return path;
    } catch {
      // Not mounted here, or a kernel without kprobe events: the next one.
    }
  }
  throw new Failure(
    "tracefs",
    `Cannot find kprobe_events under ${places.join(" or ")}: the kernel has no kprobe events, or ` +
      "tracefs is not mounted (mount -t tracefs nodev /sys/kernel/tracing)",
  );
}

/**
 * A group of kprobe events that belongs to this process. Disposing removes them; probes must have been
 * let go before. What a killed vrft has left (definitions only: its probes die with it) is removed by
 * the next one.
 */
export class KprobeEvents implements Disposable {
  readonly #tracefs: string;
  readonly #rcuExpedited: string;
  readonly #group = `${GROUP_PREFIX}${Deno.pid}`;
  readonly #names = new Set<string>();
  /** Some place that can be probed. */
  #place = "";
  #isOpen = true;
  readonly #file: Deno.FsFile;
  readonly #encoder = new TextEncoder();

  /** @throws {Failure} where tracefs has no kprobe events or they may not be written */
  constructor({ tracefs, rcuExpedited }: KprobeEventPaths = SYSTEM_PATHS) {
    this.#tracefs = findTracefs(tracefs);
    this.#rcuExpedited = rcuExpedited;
    const path = `${this.#tracefs}/kprobe_events`;
    try {
      // Appending: opening this file for plain writing removes everybody's events.
      this.#file = Deno.openSync(path, { append: true });
    } catch (cause) {
      throw new Failure("tracefs", `Cannot write ${path}: ${reasonOf(cause)}`, { cause });
    }
    try {
      this.#removeStale();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /**
   * Adds a probe to the event `name`, which comes into being with its first probe.
   *
   * @param kind `p:` for an entry, `r32:` for a return with 32 pending at most
   * @param place address and arguments
   * @throws the kernel's refusal
   * @throws {ReferenceError} after dispose
   */
  add(kind: string, name: string, place: string): void {
    this.#requireOpen();
    this.#write(`${kind}${this.#group}/${name} ${place}`);
    this.#names.add(name);
    this.#place ||= place;
  }

  /** Whether the event has any probe. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /**
   * Number by which perf_event_open(2) knows the event.
   *
   * @throws {ReferenceError} after dispose
   */
  id(name: string): number {
    this.#requireOpen();
    return Number(Deno.readTextFileSync(`${this.#tracefs}/events/${this.#group}/${name}/id`));
  }

  /**
   * Hits that found no free return instance or came inside another probe.
   *
   * @throws {ReferenceError} after dispose
   */
  missed(): number {
    this.#requireOpen();
    let sum = 0;
    for (const line of Deno.readTextFileSync(`${this.#tracefs}/kprobe_profile`).split("\n")) {
      const [name, , missed] = line.trim().split(/\s+/);
      if (name !== undefined && this.#names.has(name)) sum += Number(missed);
    }
    return sum;
  }

  /** The kernel has forgotten the events by then, and another vrft may have made others. */
  #requireOpen(): void {
    if (!this.#isOpen) throw disposedError("The group of kprobe events");
  }

  #write(line: string): void {
    this.#file.writeSync(this.#encoder.encode(`${line}\n`));
  }

  #removeStale(): void {
    for (const { name } of Deno.readDirSync(`${this.#tracefs}/events`)) {
      if (!name.startsWith(GROUP_PREFIX)) continue;
      const pid = name.slice(GROUP_PREFIX.length);
      if (!/^[0-9]+$/.test(pid) || (pid !== `${Deno.pid}` && exists(`/proc/${pid}`))) continue;
      for (const { name: event } of Deno.readDirSync(`${this.#tracefs}/events/${name}`)) {
        if (event === EXPEDITED) relaxRcu(this.#rcuExpedited);
        // Files of the group itself (enable, filter) are no events; busy events belong to somebody.
        tryWrite(() => this.#write(`-:${name}/${event}`));
      }
    }
  }

  /**
   * Removes the events. The kernel waits for RCU with every probe, which makes a minute of thousands
   * of them: so it is asked to hurry meanwhile.
   */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#names.size === 0) return this.#file.close();
    // The mark comes first: who finds it knows that the switch may have been left on.
    tryWrite(() => this.#write(`p:${this.#group}/${EXPEDITED} ${this.#place}`));
    const expedited = expediteRcu(this.#rcuExpedited);
    for (const name of this.#names) tryWrite(() => this.#write(`-:${this.#group}/${name}`));
    if (expedited) relaxRcu(this.#rcuExpedited);
    tryWrite(() => this.#write(`-:${this.#group}/${EXPEDITED}`));
    this.#file.close();
  }
}

function tryWrite(write: () => void): void {
  try {
    write();
  } catch {
    // An event that cannot be removed is in use by another process, or is none.
  }
}
