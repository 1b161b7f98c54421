/**
 * Sends packets and drops to a receiver of OpenTelemetry while a trace goes on (`--otlp`).
 *
 * @module
 */

import type { PacketsOptions } from "../cli/invocation.ts";
import { ENVIRONMENT, type Environment } from "../output/http_client.ts";
import type { Log } from "../output/log.ts";
import { TraceIds } from "../output/otlp/ids.ts";
import { type ResourceFacts, resourceOf } from "../output/otlp/resource.ts";
import { Sender, type SenderCounts, type SenderOptions } from "../output/otlp/sender.ts";
import { environmentAttributes, type OtlpSettings, otlpSettings } from "../output/otlp/settings.ts";
import { SpanWriter } from "../output/otlp/spans.ts";
import { ipv4At, ipv6At } from "../packet/addresses.ts";
import { decodePacket } from "../packet/decode.ts";
import { type DecodedPacket, PROTOCOL, tupleOf } from "../packet/headers.ts";
import { amount, counted } from "../sys/amount.ts";
import { monotonicClock, wallClockOffset } from "../sys/clock.ts";
import { type Endpoint, ownPeers } from "../sys/connections.ts";
import { readText } from "../sys/files.ts";
import { viewOf } from "../sys/view.ts";
import type { Drop } from "../trace/drop.ts";
import type { Journey } from "../trace/journey.ts";
import type { AgentNames } from "./agent_names.ts";

/** A request has so many spans or bytes, and is not older than that. Receivers take 4 MiB at least. */
const SPANS_AT_ONCE = 512;
const BYTES_AT_ONCE = 1 << 20;
const BATCH_MS = 1000;
/** Milliseconds in which all is to be sent at the end. */
export const FLUSH_MS = 5000;
/** Milliseconds to wait at the end before the user is told. */
const PATIENCE_MS = 1000;
/** Numbers of drops are above all those of packets: a flight recorder sends both. */
const DROPS = 2 ** 52;
/** Milliseconds between looks at whether a busy receiver has room. */
const LOOK_MS = 100;

/** What is sent is made of. */
export interface ExportSources {
  readonly origin: Pick<ResourceFacts, "host" | "kernel" | "program">;
  /** What makes packets of this run differ from those of others. */
  readonly run: string;
  /** Nanoseconds that CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
  readonly wallOffset: () => bigint;
  /** Names of functions, by the indexes used in calls. */
  readonly functions: readonly string[];
  /** What the agent knows of vifs; by default nothing. */
  readonly names?: Pick<AgentNames, "of" | "turn"> | null;
  readonly log: Log;
  /** For tests. */
  readonly sender?: Partial<SenderOptions>;
}

/** Which packets are sent besides those that are dropped. */
export type PacketChoice = Pick<PacketsOptions, "slower" | "stages" | "otlpSample">;

/**
 * Prepares to send.
 *
 * @param url of the receiver, without the path of a signal
 * @returns starts to send
 * @throws {Failure} `usage` if the environment says what cannot be
 */
export function prepareExport(
  url: string,
  environment: Environment = ENVIRONMENT,
): (sources: ExportSources) => OtlpExport {
  const settings = otlpSettings(url, "traces", environment);
  const more = environmentAttributes(environment);
  return (sources) => new OtlpExport(settings, more, sources);
}

/** What {@linkcode ExportSources} has of this host. @param version of vrft */
export function liveSources(
  version: string,
): Pick<ExportSources, "origin" | "run" | "wallOffset"> {
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  return {
    origin: { host: Deno.hostname(), kernel: Deno.osRelease(), program: `vrft ${version}` },
    run: `${boot} ${monotonicClock()()}`,
    wallOffset: wallClockOffset,
  };
}

/** Sends packets and drops. */
export class OtlpExport implements Disposable {
  readonly #sources: ExportSources;
  readonly #settings: OtlpSettings;
  readonly #ids: TraceIds;
  readonly #spans: SpanWriter;
  readonly #sender: Sender;
  /** When the first of the spans that are not queued was added. */
  #since = 0;
  #drops = 0;
  /** Ends of this process's connections to the receiver, as `address port`. */
  #peers: ReadonlySet<string> = new Set();

  constructor(
    settings: OtlpSettings,
    more: readonly (readonly [name: string, value: string])[],
    sources: ExportSources,
  ) {
    const { origin, run, wallOffset, functions, log } = sources;
    this.#sources = sources;
    this.#settings = settings;
    this.#ids = new TraceIds(run);
    const resource = resourceOf({ ...origin, more });
    this.#spans = new SpanWriter({
      resource,
      ids: this.#ids,
      wallOffset,
      functions,
      ...sources.names ? { names: sources.names.of } : {},
    });
    this.#sender = new Sender({
      settings,
      items: "spans",
      say: (message) => log.info(message),
      connected: () => this.#peers = new Set(ownPeers(portOf(settings.url)).map(endText)),
      ...sources.sender,
    });
  }

  /** Whether who can wait should: the receiver is slower than what is sent. */
  get isBusy(): boolean {
    return this.#sender.isBusy;
  }

  /** Resolves when there may be room, and soon in any case. */
  progress(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOOK_MS);
    void this.#sender.progress().then(resolve);
    return promise.finally(() => clearTimeout(timer));
  }

  /**
   * Sends a packet if it is to be: if it is dropped, or chosen.
   *
   * @param isWanted whether it takes as long as the user wants
   */
  journey(journey: Journey, isWanted: boolean, choice: PacketChoice): void {
    if (this.#isChosen(journey, isWanted, choice)) this.chosen(journey);
  }

  /** Sends a packet that somebody has chosen. */
  chosen(journey: Journey): void {
    if (this.#isOwn(journey)) return;
    this.#spans.journey(journey);
    this.#added();
  }

  /** Sends a drop. */
  drop(drop: Drop): void {
    if (this.#isOwn(drop)) return;
    this.#spans.drop(drop, DROPS + ++this.#drops);
    this.#added();
  }

  /** To be called often: what has waited for long enough is sent. */
  turn(): void {
    this.#sources.names?.turn();
    if (this.#spans.count > 0 && performance.now() - this.#since >= BATCH_MS) this.#queue();
  }

  /**
   * Sends the rest, but only for so long, and says what was not sent.
   *
   * @param cut aborted to give that up
   */
  async finish(cut: AbortSignal): Promise<void> {
    const { log } = this.#sources;
    const { url } = this.#settings;
    this.#queue();
    const timer = setTimeout(
      () => log.info(`Sending the rest to ${url}: Ctrl-C gives that up`),
      PATIENCE_MS,
    );
    const over = new AbortController();
    const end = setTimeout(() => over.abort(), FLUSH_MS);
    try {
      await this.#sender.finish(AbortSignal.any([cut, over.signal]));
    } finally {
      clearTimeout(timer);
      clearTimeout(end);
    }
    log.info(exportText(url, this.#sender.counts));
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
  }

  #isChosen(
    { number, outcome }: Journey,
    isWanted: boolean,
    { slower, stages, otlpSample }: PacketChoice,
  ): boolean {
    if (outcome.type === "dropped" && outcome.drop.reason.class !== "housekeeping") return true;
    const isSpecial = slower !== null || stages.length > 0;
    if (isSpecial && isWanted) return true;
    const every = otlpSample ?? (isSpecial ? null : 1);
    return every !== null && this.#ids.isChosen(number, every);
  }

  /** Whether it is a packet to or from the receiver: sending it would make more of them. */
  #isOwn({ bytes, length }: Pick<Journey | Drop, "bytes" | "length">): boolean {
    return this.#peers.size > 0 && isBetween(decodePacket(bytes, length), this.#peers);
  }

  #added(): void {
    const { count, length } = this.#spans;
    if (this.#since === 0) this.#since = performance.now();
    if (count >= SPANS_AT_ONCE || length >= BYTES_AT_ONCE) this.#queue();
  }

  #queue(): void {
    const { count } = this.#spans;
    this.#since = 0;
    if (count > 0) this.#sender.push(this.#spans.take(), count);
  }
}

/** What was sent, and what was not. */
function exportText(url: string, counts: SenderCounts): string {
  const { sent, requests, overflow, refused, rejected, unsent } = counts;
  const why: [number, string][] = [
    [overflow, "found no room while the receiver was slow or away"],
    [refused, "in requests that it refused"],
    [rejected, "rejected by it"],
    [unsent, "left at the end"],
  ];
  const not = why.filter(([count]) => count > 0).map(([count, what]) => `${amount(count)} ${what}`);
  const lost = not.length === 0 ? "" : `; not sent: ${not.join(", ")}`;
  return `Sent ${counted(sent, "span")} to ${url} in ${counted(requests, "request")}${lost}`;
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port !== "" ? Number(port) : protocol === "https:" ? 443 : 80;
}

function endText({ address, port }: Endpoint): string {
  const view = viewOf(address);
  return `${address.length === 4 ? ipv4At(view, 0) : ipv6At(view, 0)} ${port}`;
}

function isBetween({ outer, inner }: DecodedPacket, peers: ReadonlySet<string>): boolean {
  for (const layer of [outer, inner]) {
    const tuple = layer === null ? null : tupleOf(layer);
    if (tuple?.protocol !== PROTOCOL.TCP) continue;
    if (peers.has(`${tuple.source} ${tuple.sourcePort}`)) return true;
    if (peers.has(`${tuple.destination} ${tuple.destinationPort}`)) return true;
  }
  return false;
}
