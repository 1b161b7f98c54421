/**
 * `vrft drops --listen` and `--textfile`: metrics of a trace of drops.
 *
 * @module
 */

import type { DropsOptions } from "../cli/invocation.ts";
import { DropCounts } from "../output/drops/counts.ts";
import { type BuildFigures, dropMetrics } from "../output/drops/metrics.ts";
import { exposition } from "../output/exposition.ts";
import { HttpServer } from "../output/http_server.ts";
import type { Log } from "../output/log.ts";
import { Textfile } from "../output/textfile.ts";
import { sumOfRuns } from "../probe/run_statistics.ts";
import { processCpuMs } from "../sys/cpu_time.ts";
import { Failure } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import type { Drop } from "../trace/drop.ts";
import type { DropCounters } from "../trace/reconcile.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Vif } from "../vrouter/interfaces.ts";
import { metricsPages } from "./metrics_pages.ts";
import { liveSources } from "./otlp_export.ts";
import { MetricExport } from "./otlp_metrics.ts";

/** Milliseconds between two times the file is written, if the user does not say. */
const INTERVAL_MS = 15_000;
/** Milliseconds for which the module's counters are not read anew: each vif takes a system call. */
const FRESH_MS = 1000;

/** What this program was built from. */
export type Build = Omit<BuildFigures, "kernel">;

/** What the metrics are about. */
export interface MetricSources {
  readonly tracer: Pick<Tracer, "counts" | "programs">;
  /** The vifs at the moment. */
  readonly vifs: () => readonly Pick<Vif, "index" | "device">[];
  /**
   * Reads the module's counters; `null` without the module.
   *
   * @throws {Failure} if it does not answer
   */
  readonly module: (() => DropCounters) | null;
  /** Records of drops that could not be read. */
  readonly damaged: () => number;
}

/** Figures of the end of a trace, for what is sent behind it. */
interface LastFigures {
  readonly sources: MetricSources;
  readonly module: DropCounters | null | undefined;
  readonly programs: ReturnType<typeof sumOfRuns>;
}

/** Metrics of one trace. */
export class DropMetrics implements Disposable {
  readonly #log: Log;
  readonly #build: Build;
  readonly #counts: DropCounts;
  readonly #opened: DisposableStack;
  readonly #server: HttpServer | null;
  readonly #file: Textfile | null;
  readonly #otlp: MetricExport | null;
  readonly #path: string;
  readonly #intervalMs: number;
  readonly #writes = { written: 0, failed: 0 };
  #sources: MetricSources | null = null;
  /** What was true when recording ended. */
  #last: LastFigures | null = null;
  #vifs: MetricSources["vifs"] = () => [];
  #module: { readonly counters: DropCounters | null; readonly until: number } | null = null;
  #due = 0;
  #isWriting = false;
  #hasFailed = false;
  #bug: unknown;

  /**
   * Takes the port, and tries out the folder of the file.
   *
   * @throws {Failure} `output` if either cannot be had
   */
  constructor(
    { listen, textfile, otlp, intervalMs }: Pick<
      DropsOptions,
      "listen" | "textfile" | "otlp" | "intervalMs"
    >,
    log: Log,
    build: Build,
  ) {
    using opened = new DisposableStack();
    this.#log = log;
    this.#build = build;
    this.#counts = new DropCounts((index, device) =>
      !this.#vifs().some((vif) => vif.index === index && (device ?? vif.device) === vif.device)
    );
    const pages = metricsPages((format) => exposition(this.#metrics(""), format));
    this.#server = listen && opened.use(new HttpServer(listen, pages));
    this.#file = textfile === null ? null : opened.use(new Textfile(textfile));
    this.#path = textfile ?? "";
    this.#intervalMs = intervalMs ?? INTERVAL_MS;
    this.#otlp = otlp === null ? null : new MetricExport({
      url: otlp,
      origin: liveSources(build.version).origin,
      log,
      families: () => this.#metrics(""),
    });
    this.#opened = opened.move();
  }

  /** A packet was dropped that is to be counted. */
  add(drop: Drop): void {
    this.#counts.add(drop);
  }

  /** Recording has started. */
  begin(sources: MetricSources): void {
    this.#sources = sources;
    this.#vifs = sources.vifs;
    if (this.#server !== null) {
      this.#log.info(`Serves metrics at http://${this.#server.address}/metrics`);
    }
    this.turn();
  }

  /** Serves and writes what is due. Call it at least every tenth of a second. */
  turn(): void {
    if (this.#bug !== undefined) throw this.#bug;
    if (this.#sources === null) return;
    this.#server?.turn();
    this.#otlp?.turn();
    const now = performance.now();
    if (this.#file === null || this.#isWriting || now < this.#due) return;
    this.#due = now + this.#intervalMs;
    void this.#write(this.#file);
  }

  /** Recording ends, and the programs go: nothing is served any more. Drops may follow, of earlier records. */
  end(): void {
    const sources = this.#sources;
    if (sources !== null && this.#otlp !== null) {
      const { tracer, module } = sources;
      // As they are now.
      this.#module = null;
      const counters = module === null ? null : this.#readModule(module);
      const programs = sumOfRuns(tracer.programs);
      this.#last = { sources, module: module === null ? undefined : counters, programs };
    }
    this.#sources = null;
    this.#opened.dispose();
  }

  /** Sends all for the last time, and waits until it has arrived. @param cut aborted to give that up */
  async finish(cut: AbortSignal): Promise<void> {
    if (this.#last !== null) this.#otlp?.send();
    await this.#otlp?.finish(cut);
  }

  async #write(file: Textfile): Promise<void> {
    this.#isWriting = true;
    // It is in the file that it is the next one.
    this.#writes.written++;
    try {
      const text = exposition(this.#metrics("vrft_"), "text");
      await file.replace(new TextEncoder().encode(text));
      if (this.#hasFailed) this.#log.info(`Metrics are written again to ${this.#name}`);
      this.#hasFailed = false;
    } catch (error) {
      if (!(error instanceof Failure)) this.#bug = error;
      this.#writes.written--;
      this.#writes.failed++;
      if (!this.#hasFailed && error instanceof Failure) {
        this.#log.info(`${error.message}; trying on`);
      }
      this.#hasFailed = true;
    }
    this.#isWriting = false;
  }

  get #name(): string {
    return `"${printable(this.#path)}"`;
  }

  #metrics(processPrefix: "" | "vrft_"): ReturnType<typeof dropMetrics> {
    const sources = this.#sources ?? this.#last?.sources ?? null;
    // A request that has come in when the trace ends.
    if (sources === null) return [];
    const { tracer, vifs, damaged, module } = sources;
    const devices = new Map(vifs().map(({ index, device }) => [index, device]));
    return dropMetrics({
      counts: this.#counts,
      module: this.#last !== null
        ? this.#last.module
        : module === null
        ? undefined
        : this.#readModule(module),
      device: (vif) => devices.get(vif) ?? null,
      trace: tracer.counts(),
      damaged: damaged(),
      programs: this.#last !== null ? this.#last.programs : sumOfRuns(tracer.programs),
      process: {
        cpuSeconds: processCpuMs() / 1e3,
        residentBytes: Deno.memoryUsage().rss,
        startSeconds: performance.timeOrigin / 1e3,
      },
      build: { ...this.#build, kernel: Deno.osRelease() },
      answers: this.#server?.answers ?? null,
      writes: this.#file === null ? null : this.#writes,
    }, processPrefix);
  }

  #readModule(read: () => DropCounters): DropCounters | null {
    const now = performance.now();
    if (this.#module !== null && now < this.#module.until) return this.#module.counters;
    let counters: DropCounters | null = null;
    try {
      counters = read();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#log.debug(error.message);
    }
    this.#module = { counters, until: now + FRESH_MS };
    return counters;
  }

  [Symbol.dispose](): void {
    this.end();
    this.#otlp?.[Symbol.dispose]();
  }
}
