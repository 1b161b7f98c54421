/**
 * kprobe events through tracefs: creates, arms and removes them.
 *
 * Each vrft has a number, and its events are in a group with that number. The number is reserved by a lock
 * on a byte of kprobe_events: tracefs has one inode for that file in all mounts and namespaces, and the
 * kernel drops the lock when the process dies. So a group has a live owner if and only if its byte is
 * locked. Pids are useless for this: containers may share them, and do not see those outside.
 *
 * @module
 */

import { disposedError } from "../sys/disposed.ts";
import { Failure } from "../sys/failure.ts";
import { exists } from "../sys/files.ts";
import { errorText, SystemError } from "../sys/libc.ts";
import { LockableFile } from "../sys/lockable_file.ts";
import { RCU_EXPEDITED } from "../sys/rcu.ts";
import type { AttachProgress } from "./backend.ts";
import { openTracepoint, runOnEvent } from "./bpf_syscall.ts";
import { ExpeditedRcu } from "./expedited_rcu.ts";
import { Turns } from "./turns.ts";

/** Paths of the kernel's files. */
export interface KprobeEventPaths {
  /** Mount points of tracefs; the first with kprobe events is used. */
  readonly tracefs: readonly string[];
  readonly rcuExpedited: string;
}

/** The paths on a running system. */
const SYSTEM_PATHS: KprobeEventPaths = {
  tracefs: ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"],
  rcuExpedited: RCU_EXPEDITED,
};

/** A group of a vrft; its number is the byte locked by its owner. */
const GROUP = /^vrft_(0|[1-9][0-9]{0,8})$/;

/**
 * Maximum number of probes per event. Arming, disarming and removing an event are single uninterruptible
 * system calls: on an emulated Linux 6.1, 128 probes are armed in a fifth of a second.
 */
const PROBES_PER_EVENT = 128;

/** Milliseconds to wait until the probes of a killed process are disarmed. */
const BUSY_MS = 10_000;

const EBUSY = 16;

/** Whether the user interrupts, and where to report progress while cleaning up or arming. */
export type KprobeEventProgress = Pick<AttachProgress, "cancelled" | "info">;

function findTracefs(places: readonly string[]): string {
  const found = places.find((path) => exists(`${path}/kprobe_events`));
  if (found !== undefined) return found;
  throw new Failure(
    "tracefs",
    `Cannot find kprobe_events under ${places.join(" or ")}: the kernel lacks kprobe events, or ` +
      "tracefs is not mounted (mount -t tracefs nodev /sys/kernel/tracing)",
  );
}

/** The events of a group, without the files of the group itself (enable, filter). */
function* eventsIn(tracefs: string, group: string): Generator<string> {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(`${tracefs}/events/${group}`)) {
      if (isDirectory) yield name;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Kprobe events of this vrft. Probes come in series, and a series consists of events with
 * {@linkcode PROBES_PER_EVENT} probes each. Disposing disarms and removes them. What a killed vrft leaves
 * behind (definitions only, as its probes are disarmed with it) is removed by the next one.
 */
export class KprobeEvents implements Disposable {
  readonly #tracefs: string;
  readonly #file: LockableFile;
  readonly #rcu: ExpeditedRcu;
  /** Candidate places for the mark of expedited RCU. */
  readonly #places: Iterable<string>;
  /** Number of this vrft; -1 before one is assigned. */
  #number = -1;
  readonly #series = new Map<string, string[]>();
  readonly #names = new Set<string>();
  #isOpen = true;
  readonly #armed = new DisposableStack();
  /** Probes of the last event of each series. */
  readonly #filled = new Map<string, number>();
  #probes = 0;

  private constructor(
    tracefs: string,
    file: LockableFile,
    rcu: ExpeditedRcu,
    places: Iterable<string>,
  ) {
    this.#tracefs = tracefs;
    this.#file = file;
    this.#rcu = rcu;
    this.#places = places;
  }

  /**
   * Removes what killed vrfts have left behind, and reserves a number.
   *
   * @param places some places for a kprobe, in case one is refused
   * @throws {Failure} if tracefs has no kprobe events, or they are not writable
   * @throws {AttachCancelled} if the user interrupts
   */
  static async open(
    places: Iterable<string>,
    progress: KprobeEventProgress,
    paths: KprobeEventPaths = SYSTEM_PATHS,
  ): Promise<KprobeEvents> {
    const tracefs = findTracefs(paths.tracefs);
    const path = `${tracefs}/kprobe_events`;
    let file: LockableFile;
    try {
      file = new LockableFile(path);
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      const { errno } = cause;
      throw new Failure("tracefs", `Cannot write ${path}: ${errorText(errno)}`, { cause, errno });
    }
    try {
      const rcu = new ExpeditedRcu(file, tracefs, paths.rcuExpedited);
      const events = new KprobeEvents(tracefs, file, rcu, places);
      rcu.restore();
      await events.#removeStale(progress);
      events.#takeNumber();
      return events;
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  get #group(): string {
    return `vrft_${this.#number}`;
  }

  /** The smallest number without an owner and without left-over events. */
  #takeNumber(): void {
    for (let number = 0;; number++) {
      if (!this.#file.tryLock(number)) continue;
      if (!exists(`${this.#tracefs}/events/vrft_${number}`)) {
        this.#number = number;
        return;
      }
      this.#file.unlock(number);
    }
  }

  /**
   * Adds a probe to a series, disarmed.
   *
   * @param kind `p:` for an entry, `r32:` for a return with 32 pending at most
   * @param place address and arguments
   * @throws {SystemError} if the kernel refuses
   * @throws {ReferenceError} after dispose
   */
  add(kind: string, series: string, place: string): void {
    this.#requireOpen();
    const names = this.#series.get(series) ?? [];
    const filled = this.#filled.get(series) ?? PROBES_PER_EVENT;
    const next = filled >= PROBES_PER_EVENT;
    // The number is also in the name: the kernel counts misses by name, without the group.
    const name = next ? `${series}_${this.#number}_${names.length}` : names.at(-1)!;
    this.#write(`${kind}${this.#group}/${name} ${place}`);
    this.#filled.set(series, next ? 1 : filled + 1);
    this.#probes++;
    if (!next) return;
    this.#series.set(series, [...names, name]);
    this.#names.add(name);
  }

  /** The events of a series, in the order of their probes. */
  events(series: string): readonly string[] {
    return this.#series.get(series) ?? [];
  }

  /**
   * Arms the probes of an event, and runs a program on each hit.
   *
   * @throws {Failure} if another program has removed the event
   * @throws {ReferenceError} after dispose
   */
  arm(name: string, program: number): void {
    this.#requireOpen();
    const path = `${this.#tracefs}/events/${this.#group}/${name}/id`;
    let id: number;
    try {
      id = Number(Deno.readTextFileSync(path));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) throw this.#robbed(cause);
      throw cause;
    }
    const perf = this.#armed.use(openTracepoint(id));
    runOnEvent(perf.number, program);
  }

  /** @throws {Failure} if another program has removed probes */
  requireAll(): void {
    if (this.removed() > 0) throw this.#robbed();
  }

  #robbed(cause?: unknown): Failure {
    return new Failure(
      "attach",
      `Cannot attach: another program has removed ${this.removed()} of ${this.#probes} probes from ` +
        `${this.#tracefs}/kprobe_events; end it, and start vrft again`,
      { cause },
    );
  }

  /**
   * Number of probes removed by another program, which the kernel allows even if they are armed.
   *
   * @throws {ReferenceError} after dispose
   */
  removed(): number {
    this.#requireOpen();
    const list = Deno.readTextFileSync(`${this.#tracefs}/kprobe_events`);
    const own = `:${this.#group}/`;
    let left = 0;
    for (let at = list.indexOf(own); at >= 0; at = list.indexOf(own, at + own.length)) left++;
    return Math.max(0, this.#probes - left);
  }

  /**
   * Hits without a free return instance, or inside another probe.
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

  /** After dispose, the events are gone, and another vrft may have created others. */
  #requireOpen(): void {
    if (!this.#isOpen) throw disposedError("The group of kprobe events");
  }

  #write(line: string): void {
    this.#file.write(new TextEncoder().encode(`${line}\n`));
  }

  /**
   * Removes the events of all groups without an owner.
   *
   * @throws {AttachCancelled} if the user interrupts; the next vrft continues
   */
  async #removeStale(progress: KprobeEventProgress): Promise<void> {
    const turns = new Turns(progress, "Removing the probes left behind by a killed vrft...");
    for (const { name: group } of Deno.readDirSync(`${this.#tracefs}/events`)) {
      const number = GROUP.exec(group)?.[1];
      // With the lock held, no other vrft cleans up here or takes the number.
      if (number === undefined || !this.#file.tryLock(Number(number))) continue;
      try {
        await this.#removeGroup(group, turns);
      } finally {
        this.#file.unlock(Number(number));
      }
    }
  }

  async #removeGroup(group: string, turns: Turns): Promise<void> {
    using _hurry = this.#rcu.expedite(this.#places);
    for (const event of eventsIn(this.#tracefs, group)) {
      const start = performance.now();
      while (!this.#tryRemove(group, event) && performance.now() - start < BUSY_MS) {
        // The process is dying: its lock is already released, but its probes are not disarmed yet.
        await turns.rest();
      }
      await turns.give();
    }
  }

  /** False if the event is armed; failure for any other reason means it is not an event. */
  #tryRemove(group: string, event: string): boolean {
    try {
      this.#write(`-:${group}/${event}`);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error.errno !== EBUSY;
    }
  }

  /**
   * Disarms and removes the probes. The kernel waits for RCU for each event and each probe, which takes a
   * minute for thousands of them: so RCU is expedited meanwhile.
   */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#names.size > 0) {
      using _hurry = this.#rcu.expedite(this.#places);
      this.#armed.dispose();
      for (const name of this.#names) this.#tryRemove(this.#group, name);
    }
    this.#file[Symbol.dispose]();
  }
}
