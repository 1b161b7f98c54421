/**
 * Follows vifs that are added or deleted during a trace: a trace of all vifs goes on with those that there
 * are.
 *
 * vrouter does not announce them. But most vifs have a network device, which the kernel announces, some
 * time before vrouter gets the vif. So the vifs are listed again with some delay after a device was
 * added, deleted or changed, and at the end of the trace. Besides, they are listed every few seconds,
 * which shows those whose device was there before. Listing takes rtnl, and two system calls for each five
 * vifs, so it has a small share of the time.
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

/** Milliseconds from an announcement to the first listing, and between listings after that. */
const PAUSES_MS: readonly number[] = [500, 2000, 8000];
/** Maximum share of the time spent listing after announcements. */
const SHARE = 1 / 20;
/** Milliseconds between listings without an announcement. */
const PERIOD_MS = 5000;
/** Maximum share of the time spent on those. */
const PERIOD_SHARE = 1 / 200;
/** Maximum number of vifs named in a message. */
const MAXIMUM_NAMED = 5;

/** The interfaces that a trace has selected. */
export interface WatchedVifs {
  /** All vifs at the start. */
  readonly vifs: readonly Vif[];
  /** Names of interfaces to select; empty for all vifs. */
  readonly names: readonly string[];
  readonly interfaces: readonly SelectedInterface[];
}

/** Sources of information: this machine, or a test. */
export interface VifSources {
  /** `null` if there are no announcements. */
  readonly events: Pick<LinkEvents, "fd" | "take" | typeof Symbol.dispose> | null;
  /** The current vifs; `null` if they are not those of the traced module. */
  readonly list: () => readonly Vif[] | null;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Watches the list of vifs. */
export class VifWatch implements Disposable {
  readonly #log: Log;
  readonly #sources: VifSources;
  #known = new Map<string, Vif>();
  #vifs: readonly Vif[] = [];
  #concerns: (vif: Vif) => boolean = () => true;
  #due = Infinity;
  #pause = 0;
  #earliest = -Infinity;
  /** When to list without an announcement. */
  #period = -Infinity;
  #follow: ((vifs: readonly Vif[]) => boolean) | null = null;

  /** @param sources opened before the vifs are first listed, so that no change is missed */
  constructor(log: Log, sources: VifSources) {
    this.#log = log;
    this.#sources = sources;
  }

  /** Sets what the trace has selected. */
  begin({ vifs, names, interfaces }: WatchedVifs): void {
    this.#known = byIdentity(vifs);
    this.#vifs = vifs;
    if (names.length === 0) return;
    const indexes = new Set(interfaces.map(({ vifIndex }) => vifIndex));
    this.#concerns = ({ index, name }) => indexes.has(index) || names.includes(name);
  }

  /**
   * Sets what is done in a trace of all vifs when they have changed.
   *
   * @param follow traces these vifs from now on; returns false if it cannot
   */
  follow(follow: (vifs: readonly Vif[]) => boolean): void {
    this.#follow = follow;
  }

  /** The vifs as they were listed last. */
  get vifs(): readonly Vif[] {
    return this.#vifs;
  }

  /** What to poll during the trace; `undefined` if there are no announcements. */
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

  /** Calls {@linkcode look} when it is due. */
  turn(): void {
    const now = this.#sources.now();
    if (this.#period === -Infinity) this.#period = now + PERIOD_MS;
    if (now < this.#due) {
      if (now >= this.#period) this.look();
      return;
    }
    this.look();
    const next = PAUSES_MS[++this.#pause];
    this.#due = next === undefined
      ? Infinity
      : Math.max(this.#earliest, this.#sources.now() + next);
  }

  /** Lists the vifs, and reports which were added or deleted since the last time. */
  look(): void {
    const start = this.#sources.now();
    const present = this.#list();
    const end = this.#sources.now();
    this.#earliest = end + (end - start) / SHARE;
    this.#period = end + Math.max(PERIOD_MS, (end - start) / PERIOD_SHARE);
    if (present === null) return;
    const known = this.#known;
    this.#known = present;
    this.#vifs = [...present.values()];
    const added = this.#only(present, known);
    const deleted = this.#only(known, present);
    if (deleted.length > 0) {
      this.#log.info(`${count(deleted)} deleted during the trace: ${named(deleted)}`);
    }
    const isChange = added.length > 0 || deleted.length > 0;
    const follows = isChange && (this.#follow?.(this.#vifs) ?? false);
    if (added.length > 0) {
      this.#log.info(
        follows
          ? `${count(added)} added during the trace, and traced from now on: ${named(added)}`
          : `${count(added)} added during the trace and not traced: ${
            named(added)
          }; restart vrft ` +
            "to trace all",
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

  /** Those of `vifs` that are not in `others` and concern the trace. */
  #only(vifs: ReadonlyMap<string, Vif>, others: ReadonlyMap<string, Vif>): Vif[] {
    return [...vifs].filter(([key, vif]) => !others.has(key) && this.#concerns(vif))
      .map(([_, vif]) => vif);
  }

  [Symbol.dispose](): void {
    this.#sources.events?.[Symbol.dispose]();
  }
}

/**
 * The sources on this machine, with announcements from now on.
 *
 * @param netns file of the network namespace of the vifs' devices; `null` for the initial one
 * @param isSame whether the vrouter module is still the traced one; the vifs of another one are not
 * reported, as the reload itself is
 */
export function vifSources(
  log: Log,
  netns: string | null,
  isSame: () => boolean,
): VifSources {
  const { current, initial } = networkNamespaces();
  let events: LinkEvents | null = null;
  try {
    const isOwn = netns === null && current === initial;
    events = new LinkEvents(isOwn ? undefined : netns ?? INITIAL_NAMESPACE);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log.debug(`Vifs that are added or deleted are noticed at the end: ${error.message}`);
  }
  return { events, list: () => isSame() ? readVifs() : null, now: () => performance.now() };
}

/** By vif index and ifindex: a new device gets a new ifindex, even if the vif index is reused. */
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
