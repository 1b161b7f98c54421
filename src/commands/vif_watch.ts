/**
 * What a trace has to say when vifs are added or deleted behind its back.
 *
 * vrouter announces neither. But a vif has a network device, as a rule, and the kernel announces those; vrouter
 * hears of the vif a while after its device. So the vifs are listed anew some time after a device
 * has come, gone or changed, and when the trace is over: never where nothing happens, for listing
 * takes rtnl, and each page of it a system call.
 *
 * @module
 */

import type { Log } from "../output/log.ts";
import { Failure } from "../sys/failure.ts";
import { SystemError } from "../sys/libc.ts";
import { LinkEvents } from "../sys/link_events.ts";
import { INITIAL_NAMESPACE, networkNamespaces } from "../sys/network.ts";
import type { Watched } from "../trace/tracer.ts";
import { readVifs, type Vif } from "../vrouter/interfaces.ts";
import type { SelectedInterface } from "../vrouter/selected_interface.ts";

/** Milliseconds from an announcement to the first look, and from there to each further one. */
const PAUSES_MS: readonly number[] = [500, 2000, 8000];
/** Looks take this part of the time at most. */
const SHARE = 1 / 20;
/** Vifs that a message names. */
const MAXIMUM_NAMED = 5;

/** What a trace is about, as far as vifs matter. */
export interface WatchedVifs {
  /** All vifs that there were at first. */
  readonly vifs: readonly Vif[];
  /** Names of interfaces that were chosen; none for all vifs. */
  readonly names: readonly string[];
  readonly interfaces: readonly SelectedInterface[];
}

/** Where the watch gets what it knows; all of it is this machine's unless tests say otherwise. */
export interface VifSources {
  /** `null` where nothing is announced. */
  readonly events: Pick<LinkEvents, "fd" | "take" | typeof Symbol.dispose> | null;
  /** `null` while they say nothing about the trace. */
  readonly list: () => readonly Vif[] | null;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Follows which vifs there are. */
export class VifWatch implements Disposable {
  readonly #log: Log;
  readonly #sources: VifSources;
  #known = new Map<string, Vif>();
  #concerns: (vif: Vif) => boolean = () => true;
  #due = Infinity;
  #pause = 0;
  #earliest = -Infinity;

  /** @param sources listened to from before the vifs are first listed */
  constructor(log: Log, sources: VifSources) {
    this.#log = log;
    this.#sources = sources;
  }

  /** Says what the trace is about. Looks do nothing before that. */
  begin({ vifs, names, interfaces }: WatchedVifs): void {
    this.#known = byIdentity(vifs);
    if (names.length === 0) return;
    const indexes = new Set(interfaces.map(({ vifIndex }) => vifIndex));
    this.#concerns = ({ index, name }) => indexes.has(index) || names.includes(name);
  }

  /** What to look after while the trace runs; `undefined` where nothing is announced. */
  get watched(): Watched | undefined {
    const { events } = this.#sources;
    return events === null ? undefined : { fd: events.fd, ready: () => this.#announced() };
  }

  #announced(): void {
    if (!this.#sources.events!.take()) return;
    this.#pause = 0;
    const soon = this.#sources.now() + PAUSES_MS[0]!;
    this.#due = Math.max(this.#earliest, Math.min(this.#due, soon));
  }

  /** Looks, if it is time for that. Costs nothing while nothing is announced. */
  turn(): void {
    if (this.#due === Infinity || this.#sources.now() < this.#due) return;
    this.look();
    const next = PAUSES_MS[++this.#pause];
    this.#due = next === undefined
      ? Infinity
      : Math.max(this.#earliest, this.#sources.now() + next);
  }

  /** Lists the vifs, and tells which have been added and deleted since the last time. */
  look(): void {
    const start = this.#sources.now();
    const present = this.#list();
    const end = this.#sources.now();
    this.#earliest = end + (end - start) / SHARE;
    if (present === null) return;
    const known = this.#known;
    this.#known = present;
    const added = this.#only(present, known);
    const deleted = this.#only(known, present);
    if (deleted.length > 0) {
      this.#log.info(`${count(deleted)} deleted during the trace: ${named(deleted)}`);
    }
    if (added.length > 0) {
      this.#log.info(
        `${count(added)} added during the trace: ${
          named(added)
        }; it does not follow their packets: ` +
          "for that, end vrft and start it again",
      );
    }
  }

  #list(): Map<string, Vif> | null {
    try {
      const vifs = this.#sources.list();
      return vifs === null ? null : byIdentity(vifs);
    } catch (error) {
      if (!(error instanceof Failure || error instanceof SystemError)) throw error;
      this.#log.debug(error.message);
      return null;
    }
  }

  /** Those of `vifs` that are not among `others`, as far as they concern the trace. */
  #only(vifs: ReadonlyMap<string, Vif>, others: ReadonlyMap<string, Vif>): Vif[] {
    return [...vifs].filter(([key, vif]) => !others.has(key) && this.#concerns(vif))
      .map(([_, vif]) => vif);
  }

  [Symbol.dispose](): void {
    this.#sources.events?.[Symbol.dispose]();
  }
}

/**
 * Listens to this machine, from now on.
 *
 * @param isSame whether the vrouter module is still the one that is traced: with another one, or none, come
 * other vifs, which is not worth a word of its own
 */
export function vifSources(log: Log, isSame: () => boolean): VifSources {
  const { current, initial } = networkNamespaces();
  let events: LinkEvents | null = null;
  try {
    events = new LinkEvents(current === initial ? undefined : INITIAL_NAMESPACE);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log.debug(`Vifs that are added or deleted are noticed at the end: ${error.message}`);
  }
  return { events, list: () => isSame() ? readVifs() : null, now: () => performance.now() };
}

/** By what makes it the one it is: numbers of devices are not given a second time. */
function byIdentity(vifs: readonly Vif[]): Map<string, Vif> {
  return new Map(vifs.map((vif) => [`${vif.index} ${vif.ifindex}`, vif]));
}

function count(vifs: readonly Vif[]): string {
  return vifs.length === 1 ? "A vif was" : `${vifs.length} vifs were`;
}

function named(vifs: readonly Vif[]): string {
  const some = vifs.slice(0, MAXIMUM_NAMED).map(({ index, name }) =>
    `vif0/${index}${name === "" ? "" : ` (${name})`}`
  );
  const more = vifs.length - some.length;
  return some.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
