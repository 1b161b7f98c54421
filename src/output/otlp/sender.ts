/**
 * Sends requests of OTLP over HTTP, one after the other, while the trace goes on: what waits is bounded, and
 * what is not sent is counted.
 *
 * Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp
 *
 * @module
 */

import { amount } from "../../sys/amount.ts";
import { printable } from "../../sys/printable.ts";
import { httpClient, reasonOfFetch } from "../http_client.ts";
import type { OtlpSettings } from "./settings.ts";
import { type Answer, readAnswer } from "./answer.ts";

/** How a {@linkcode Sender} works. */
export interface SenderOptions {
  readonly settings: OtlpSettings;
  /** What items are: `spans`. */
  readonly items: string;
  /** Told what goes wrong, and when it is over. */
  readonly say: (message: string) => void;
  /** Told after the first request that the receiver has answered, and after the first behind a failure. */
  readonly connected?: () => void;
  /** Bytes of all requests that wait, at most; compressed as soon as they are. */
  readonly maxBytes?: number;
  /** Waits; by default by a timer. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** What became of the items. */
export interface SenderCounts {
  /** Those that the receiver has taken, and with how many requests. */
  readonly sent: number;
  readonly requests: number;
  /** Those that were not sent, by why. */
  readonly overflow: number;
  readonly refused: number;
  readonly rejected: number;
  readonly unsent: number;
}

const MAX_BYTES = 32 << 20;
/** Milliseconds between attempts: twice as long after each, up to the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** However long the receiver asks for. */
const LONGEST_RETRY_AFTER_MS = 300_000;
/** Share of a pause that is random, so that a thousand hosts do not come back at once. */
const JITTER = 0.25;
/** Bytes of an answer that are read. */
const ANSWER_BYTES = 64 << 10;

/** Statuses after which the protocol asks to try again. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** A request that waits. */
interface Waiting {
  body: Uint8Array<ArrayBuffer>;
  readonly items: number;
  /** Done when `body` is as it is sent. */
  ready: Promise<void>;
}

/** Sends requests. */
export class Sender implements Disposable {
  readonly #options: SenderOptions;
  readonly #client: Deno.HttpClient;
  readonly #headers: Headers;
  readonly #pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly #queue: Waiting[] = [];
  readonly #over = new AbortController();
  /** Of the pause at hand that the end of the trace cuts short. */
  #wake: AbortController | null = null;
  #bytes = 0;
  #isRunning = false;
  #isEnding = false;
  #failures = 0;
  #isConnected = false;
  #sent = 0;
  #requests = 0;
  #overflow = 0;
  #refused = 0;
  #rejected = 0;
  readonly #told = new Set<string>();
  #waiters: (() => void)[] = [];

  /** @throws {Failure} `usage` if the certificates cannot be used */
  constructor(options: SenderOptions) {
    const { gzip, headers } = options.settings;
    this.#options = options;
    this.#pause = options.pause ?? pauseFor;
    this.#client = httpClient(options.settings);
    this.#headers = new Headers();
    for (const [name, value] of headers) this.#headers.append(name, value);
    this.#headers.set("content-type", "application/x-protobuf");
    this.#headers.set("user-agent", "vrft");
    if (gzip) this.#headers.set("content-encoding", "gzip");
  }

  /** What became of the items so far. */
  get counts(): SenderCounts {
    return {
      sent: this.#sent,
      requests: this.#requests,
      overflow: this.#overflow,
      refused: this.#refused,
      rejected: this.#rejected,
      unsent: this.#queue.reduce((sum, { items }) => sum + items, 0),
    };
  }

  /** Whether half of the room is taken, by a receiver that answers: who can wait should. */
  get isBusy(): boolean {
    const { maxBytes = MAX_BYTES } = this.#options;
    return this.#failures < HOPELESS && this.#bytes > maxBytes / 2;
  }

  /**
   * Queues a request. Never waits: if there is no room, it is counted.
   *
   * @param body uncompressed; not to be changed any more
   * @param items number of what is in it
   */
  push(body: Uint8Array<ArrayBuffer>, items: number): void {
    const { settings: { gzip }, maxBytes = MAX_BYTES } = this.#options;
    if (this.#over.signal.aborted || this.#bytes + body.length > maxBytes) {
      this.#overflow += items;
      return;
    }
    this.#bytes += body.length;
    const one: Waiting = { body, items, ready: Promise.resolve() };
    if (gzip) one.ready = this.#compress(one);
    this.#queue.push(one);
    if (!this.#isRunning) {
      this.#isRunning = true;
      void this.#run();
    }
  }

  /** Resolves after the next attempt. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /**
   * Waits until all is sent.
   *
   * @param signal aborted to wait no more
   */
  async finish(signal: AbortSignal): Promise<void> {
    this.#isEnding = true;
    this.#wake?.abort();
    const given = Promise.withResolvers<void>();
    const give = (): void => given.resolve();
    signal.addEventListener("abort", give);
    try {
      while (this.#isRunning && !signal.aborted) {
        await Promise.race([this.progress(), given.promise]);
      }
    } finally {
      signal.removeEventListener("abort", give);
    }
    this[Symbol.dispose]();
  }

  /** Gives up what waits. */
  [Symbol.dispose](): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#client.close();
  }

  async #compress(one: Waiting): Promise<void> {
    const plain = one.body;
    const stream = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"));
    one.body = await new Response(stream).bytes();
    this.#bytes += one.body.length - plain.length;
  }

  async #run(): Promise<void> {
    for (let one = this.#queue[0]; one !== undefined; one = this.#queue[0]) {
      await one.ready;
      const pause = await this.#attempt(one);
      if (this.#over.signal.aborted) break;
      if (pause === null) {
        this.#queue.shift();
        this.#bytes -= one.body.length;
      }
      this.#tellProgress();
      if (pause !== null) await this.#wait(pause);
      if (this.#over.signal.aborted) break;
    }
    this.#isRunning = false;
    this.#tellProgress();
  }

  #tellProgress(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** @returns how long to wait until the next attempt; `null` if there is none */
  async #attempt(one: Waiting): Promise<Pause | null> {
    const { url, timeoutMs } = this.#options.settings;
    let status: number;
    let answer: Answer;
    let retryAfter: string | null;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: this.#headers,
        body: one.body,
        // Followed, a POST may become a GET.
        redirect: "manual",
        client: this.#client,
        signal: AbortSignal.any([this.#over.signal, AbortSignal.timeout(timeoutMs)]),
      });
      status = response.status;
      retryAfter = response.headers.get("retry-after");
      answer = readAnswer(status, await firstBytes(response, ANSWER_BYTES));
    } catch (error) {
      if (this.#over.signal.aborted) return null;
      return this.#fails(reasonOfFetch(error, timeoutMs), null);
    }
    if (RETRYABLE.has(status)) {
      return this.#fails(`HTTP ${status}${withColon(answer.message)}`, retryAfter);
    }
    this.#recovers();
    if (status >= 200 && status < 300) {
      const rejected = Math.min(answer.rejected, one.items);
      this.#requests++;
      this.#sent += one.items - rejected;
      this.#rejected += rejected;
      if (rejected > 0 || answer.message !== "") {
        const what = `${amount(rejected)} ${this.#options.items}`;
        this.#sayOnce(`The receiver at ${url} rejected ${what}${withColon(answer.message)}`);
      }
      return null;
    }
    this.#refused += one.items;
    this.#sayOnce(
      `The receiver at ${url} refused a request: HTTP ${status}${withColon(answer.message)}`,
    );
    return null;
  }

  #fails(reason: string, retryAfter: string | null): Pause {
    const { url } = this.#options.settings;
    if (this.#failures++ === 0) {
      this.#options.say(`Cannot send to ${url}, trying again: ${reason}`);
    }
    this.#isConnected = false;
    const asked = retryAfterMs(retryAfter, Date.now());
    if (asked !== null) return { ms: Math.min(asked, LONGEST_RETRY_AFTER_MS), asked: true };
    const random = this.#options.random ?? Math.random;
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
    return { ms: ms * (1 - JITTER + JITTER * random()), asked: false };
  }

  #recovers(): void {
    if (this.#failures > 0) this.#options.say(`Sending to ${this.#options.settings.url} again`);
    this.#failures = 0;
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#options.connected?.();
  }

  async #wait({ ms, asked }: Pause): Promise<void> {
    // At the end there is not the time for long pauses.
    const short = this.#isEnding && !asked ? Math.min(ms, FIRST_PAUSE_MS) : ms;
    const wake = new AbortController();
    if (!asked) this.#wake = wake;
    await this.#pause(short, AbortSignal.any([this.#over.signal, wake.signal]));
    this.#wake = null;
  }

  /** Each kind of mishap is told once: there may be thousands. */
  #sayOnce(message: string): void {
    const kind = message.replaceAll(/\d+/g, "");
    if (this.#told.has(kind) || this.#told.size >= KINDS) return;
    this.#told.add(kind);
    this.#options.say(message);
  }
}

/** Failures in a row after which nobody waits for the receiver: with their pauses, two minutes. */
const HOPELESS = 8;
/** Kinds of mishaps that are told. */
const KINDS = 8;

/** A pause before the next attempt. */
interface Pause {
  readonly ms: number;
  /** Whether the receiver has asked for it. */
  readonly asked: boolean;
}

/**
 * Milliseconds of `Retry-After`, which is a number of seconds or a date; `null` if it says nothing.
 *
 * @param now milliseconds since 1970
 */
export function retryAfterMs(text: string | null, now: number): number | null {
  if (text === null) return null;
  if (/^\s*\d+\s*$/.test(text)) return 1000 * Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function withColon(message: string): string {
  return message === "" ? "" : `: ${printable(message)}`;
}

/** The first bytes of an answer; the rest is not read. */
async function firstBytes(response: Response, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length >= most) break;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
