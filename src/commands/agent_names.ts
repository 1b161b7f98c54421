/**
 * Names of VMs and virtual networks, which the module does not know, from the introspect of the vRouter agent
 * (`--agent`). It is asked at the start, and again when a vif appears that it did not name, while the trace
 * goes on: what is not known yet is left out.
 *
 * @module
 */

import {
  type Certificates,
  certificatesOf,
  ENVIRONMENT,
  type Environment,
  httpClient,
  reasonOfFetch,
} from "../output/http_client.ts";
import type { Log } from "../output/log.ts";
import { amount } from "../sys/amount.ts";
import { printable } from "../sys/printable.ts";
import type { DropVif } from "../trace/drop.ts";
import { type AgentInterface, type AgentPage, PageReader } from "../vrouter/introspect.ts";
import { XmlError } from "../vrouter/xml.ts";

/** Milliseconds that the start waits for names. */
const FIRST_MS = 2000;
/** Milliseconds from one question to the next, and after failures, twice as long each time up to the longest. */
const PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;
/** Milliseconds after which what is known is asked for again when it is used: VMs get other names. */
const STALE_MS = 600_000;
/** Milliseconds that one answer may take, with all its pages. */
const TIMEOUT_MS = 30_000;
/** Of one answer: an interface takes some 5 kB, a page has 100 of them, and vrouter has 65,535 at most. */
const MAX_PAGES = 1000;
const MAX_BYTES = 512 << 20;
const MAX_INTERFACES = 65_535;
/** Vifs that the agent does not know, of which that is kept in mind. */
const MAX_UNKNOWN = 65_536;

/** The agent's page of interfaces; it needs no parameters. */
const REQUEST = "Snh_ItfReq";
const NEXT = "Snh_PageReq?x=";

/** How {@linkcode AgentNames} asks. */
export interface AgentOptions {
  /** Of the introspect: `http://127.0.0.1:8085`. */
  readonly url: string;
  readonly certificates: Certificates;
  readonly log: Log;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  readonly timeoutMs?: number;
}

/**
 * Asks the agent, and waits a moment for what it says.
 *
 * @param url of its introspect
 * @param stop aborted to wait no more
 * @throws {Failure} `usage` if the environment names certificates that cannot be used
 */
export async function openAgentNames(
  url: string,
  log: Log,
  stop: AbortSignal,
  environment: Environment = ENVIRONMENT,
): Promise<AgentNames> {
  const certificates = certificatesOf(["VRFT_AGENT_"], environment);
  const names = new AgentNames({ url, certificates, log });
  names.turn();
  await names.settled(AbortSignal.any([stop, AbortSignal.timeout(FIRST_MS)]));
  return names;
}

/** What the agent knows of vifs, as far as it has said so. */
export class AgentNames implements Disposable {
  readonly #options: AgentOptions;
  readonly #now: () => number;
  readonly #base: URL;
  readonly #client: Deno.HttpClient;
  readonly #over = new AbortController();
  #byIndex = new Map<number, AgentInterface>();
  #byName = new Map<string, AgentInterface>();
  /** Vifs that were asked for, and are not among those that the agent has named. */
  #unknown = new Set<string>();
  /** Those that are to be asked for. */
  readonly #wanted = new Set<string>();
  #isWanted = true;
  #due = -Infinity;
  #stale = Infinity;
  #failures = 0;
  #running: Promise<void> | null = null;

  /** @throws {Failure} `usage` if the certificates cannot be used */
  constructor(options: AgentOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#base = new URL(`${options.url.replace(/\/+$/, "")}/`);
    this.#client = httpClient(options.certificates);
  }

  /**
   * What is known of a vif, or of a device that no vif is known of; `null` if nothing is. Then the agent will
   * be asked.
   */
  readonly of = (vif: DropVif | null, device: string | null): AgentInterface | null => {
    const name = vif === null ? device : vif.device;
    if (name === null) return null;
    const found = vif === null ? this.#byName.get(name) : this.#byIndex.get(vif.index);
    // An index is used again for another vif. A VLAN of a device is a vif of its own.
    if (found !== undefined && (found.name === name || found.parent === name)) {
      if (this.#now() >= this.#stale) this.#isWanted = true;
      return found;
    }
    const key = `${vif?.index ?? ""} ${name}`;
    if (!this.#unknown.has(key) && this.#wanted.size < MAX_UNKNOWN) {
      this.#wanted.add(key);
      this.#isWanted = true;
    }
    return null;
  };

  /** To be called often: asks if that is due. */
  turn(): void {
    const now = this.#now();
    if (!this.#isWanted || this.#running !== null || now < this.#due) return;
    if (this.#over.signal.aborted) return;
    this.#isWanted = false;
    this.#due = now + PAUSE_MS;
    this.#running = this.#ask().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when no question is open. @param signal aborted to wait no more */
  async settled(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (!signal.aborted) await Promise.race([this.#running, promise]);
  }

  /** Asks no more. */
  [Symbol.dispose](): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#client.close();
  }

  async #ask(): Promise<void> {
    const { timeoutMs = TIMEOUT_MS } = this.#options;
    const asked = new Set(this.#wanted);
    const found = new Map<number, AgentInterface>();
    try {
      const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(timeoutMs)]);
      await this.#pages(signal, (one) => {
        if (found.size >= MAX_INTERFACES) throw new AnswerError("it has too many interfaces");
        found.set(one.index, lasting(one));
      });
    } catch (error) {
      if (this.#over.signal.aborted) return;
      return this.#fails(reasonOfAnswer(error, timeoutMs));
    }
    this.#byIndex = found;
    this.#byName = new Map([...found.values()].map((one) => [one.name, one]));
    // It may know those that were not asked for now.
    this.#unknown = asked;
    for (const key of asked) this.#wanted.delete(key);
    this.#stale = this.#now() + STALE_MS;
    if (this.#failures > 0) {
      this.#options.log.info(`The vRouter agent at ${this.#url} has told its names`);
    }
    this.#failures = 0;
  }

  async #pages(signal: AbortSignal, receive: (one: AgentInterface) => void): Promise<void> {
    const size = { bytes: 0 };
    let path = REQUEST;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { next, refusal, isAnswer } = await this.#page(path, signal, size, receive);
      if (refusal !== null) throw new AnswerError(`it says "${refusal}"`);
      if (!isAnswer) throw new AnswerError("that is no answer of its introspect");
      if (next === null) return;
      // As the agent itself writes links.
      path = NEXT + encodeURIComponent(next).replaceAll("%3A", ":").replaceAll("%2C", ",");
    }
    throw new AnswerError(`it has more than ${amount(MAX_PAGES)} pages`);
  }

  async #page(
    path: string,
    signal: AbortSignal,
    size: { bytes: number },
    receive: (one: AgentInterface) => void,
  ): Promise<AgentPage> {
    const response = await fetch(new URL(path, this.#base), {
      headers: { "user-agent": "vrft" },
      redirect: "error",
      client: this.#client,
      signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new AnswerError(`HTTP ${response.status}`);
    }
    const reader = new PageReader(receive);
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      size.bytes += bytes.length;
      if (size.bytes > MAX_BYTES) throw new AnswerError("it is too long");
      reader.push(decoder.decode(bytes, { stream: true }));
    }
    reader.push(decoder.decode());
    return reader.end();
  }

  #fails(reason: string): void {
    const pause = PAUSE_MS * 2 ** Math.min(this.#failures, 10);
    this.#due = this.#now() + Math.min(pause, LONGEST_PAUSE_MS);
    this.#isWanted = true;
    if (this.#failures++ > 0) return;
    this.#options.log.info(
      `Cannot ask the vRouter agent at ${this.#url} for names, going on without: ${reason}`,
    );
  }

  get #url(): string {
    return printable(this.#options.url);
  }
}

/** An answer that cannot be used. */
class AnswerError extends Error {}

function reasonOfAnswer(error: unknown, timeoutMs: number): string {
  if (error instanceof AnswerError) return printable(error.message);
  if (error instanceof XmlError) return `its answer is damaged: ${printable(error.message)}`;
  return reasonOfFetch(error, timeoutMs);
}

/** Harmless, and without the text of the whole answer, of which the engine keeps parts by reference. */
function lasting(one: AgentInterface): AgentInterface {
  return JSON.parse(JSON.stringify({
    ...one,
    uuid: printable(one.uuid),
    configName: printable(one.configName),
    vmUuid: printable(one.vmUuid),
    vmName: printable(one.vmName),
    network: printable(one.network),
    project: printable(one.project),
  }));
}
