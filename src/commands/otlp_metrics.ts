/**
 * Sends metrics to a receiver of OpenTelemetry, those that Prometheus would get.
 *
 * @module
 */

import { ENVIRONMENT } from "../output/http_client.ts";
import type { MetricFamily } from "../output/exposition.ts";
import type { Log } from "../output/log.ts";
import { metricsRequest } from "../output/otlp/metrics.ts";
import { type Resource, resourceOf } from "../output/otlp/resource.ts";
import { Sender, type SenderOptions } from "../output/otlp/sender.ts";
import { environmentAttributes, otlpSettings } from "../output/otlp/settings.ts";
import { counted } from "../sys/amount.ts";
import { type ExportSources, FLUSH_MS } from "./otlp_export.ts";

/** Milliseconds between two requests, as of other exporters. */
const INTERVAL_MS = 60_000;
/** Of requests that wait: some hours of a host with hundreds of vifs. */
const MAX_BYTES = 4 << 20;
const NS_PER_MS = 1_000_000n;

/** What {@linkcode MetricExport} sends, and from where. */
export interface MetricExportOptions extends Pick<ExportSources, "origin" | "log"> {
  /** Of the receiver, without the path of a signal. */
  readonly url: string;
  readonly families: () => Iterable<MetricFamily>;
  /** For tests. */
  readonly sender?: Partial<SenderOptions>;
}

/** Sends metrics of a trace, from now on. */
export class MetricExport implements Disposable {
  readonly #families: () => Iterable<MetricFamily>;
  readonly #log: Log;
  readonly #url: string;
  readonly #resource: Resource;
  readonly #sender: Sender;
  readonly #start = now();
  #due = performance.now() + INTERVAL_MS;

  /** @throws {Failure} `usage` if the environment says what cannot be */
  constructor({ url, origin, log, families, sender }: MetricExportOptions) {
    const settings = otlpSettings(url, "metrics", ENVIRONMENT);
    this.#families = families;
    this.#log = log;
    this.#url = settings.url;
    this.#resource = resourceOf({ ...origin, more: environmentAttributes(ENVIRONMENT) });
    this.#sender = new Sender({
      settings,
      items: "values",
      say: (message) => log.info(message),
      maxBytes: MAX_BYTES,
      ...sender,
    });
  }

  /** To be called often: sends what is due. */
  turn(): void {
    const time = performance.now();
    if (time < this.#due) return;
    this.#due = time + INTERVAL_MS;
    this.send();
  }

  /** Sends all metrics as they are. */
  send(): void {
    const times = { start: this.#start, now: now() };
    const { bytes, values } = metricsRequest(this.#families(), times, this.#resource);
    this.#sender.push(bytes, values);
  }

  /** Waits until all is sent, but only for so long. @param cut aborted to give that up */
  async finish(cut: AbortSignal): Promise<void> {
    const over = new AbortController();
    const end = setTimeout(() => over.abort(), FLUSH_MS);
    try {
      await this.#sender.finish(AbortSignal.any([cut, over.signal]));
    } finally {
      clearTimeout(end);
    }
    const { overflow, refused, rejected, unsent } = this.#sender.counts;
    const not = overflow + refused + rejected + unsent;
    if (not > 0) {
      this.#log.info(`${counted(not, "value")} of metrics could not be sent to ${this.#url}`);
    }
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
  }
}

/** Nanoseconds of Unix time. */
function now(): bigint {
  return BigInt(Date.now()) * NS_PER_MS;
}
