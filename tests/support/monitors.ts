/**
 * Programs and files of others, which scripts/monitors fetches: readers of what vrft says in their formats.
 *
 * @module
 */

import assert from "node:assert/strict";
import { whyNoProgram } from "./skip.ts";

const home = Deno.env.get("HOME") ?? "/";
const cache = Deno.env.get("VRFT_CACHE") ??
  `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/vrft`;

/** A program of scripts/monitors. */
export type Monitor = "prometheus" | "promtool" | "prometheus-node-exporter" | "victoria-metrics";

/** Folder of what scripts/monitors fetches. */
export const MONITORS = `${cache}/monitors`;

/** Path of a program. */
export function monitor(name: Monitor): string {
  return `${MONITORS}/${name}`;
}

/** Why a program cannot be run; empty if it can. */
export function whyNoMonitor(name: Monitor): string {
  return whyNoProgram(monitor(name)) === "" ? "" : `there is no ${name}: run scripts/monitors`;
}

/** Lets promtool check metrics in the text format; it must have nothing to say. */
export async function checkMetrics(text: string): Promise<void> {
  await using child = new Deno.Command(monitor("promtool"), {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.deepEqual({ code, said }, { code: 0, said: "" }, text);
}

/** A sample that Prometheus has. */
export interface StoredSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus, scraping. */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #url: string;
  readonly #log: Promise<string>;

  private constructor(child: Deno.ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
    this.#log = new Response(child.stderr!).text();
  }

  /** Starts it. @param targets addresses that it scrapes each second */
  static start(targets: readonly string[]): Prometheus {
    const folder = Deno.makeTempDirSync({ prefix: "vrft-prometheus-" });
    const configuration = {
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: targets.map((target, at) => ({
        job_name: `job${at}`,
        static_configs: [{ targets: [target] }],
      })),
    };
    // YAML, too.
    Deno.writeTextFileSync(`${folder}/prometheus.yml`, JSON.stringify(configuration));
    const address = freeAddress();
    const child = new Deno.Command(monitor("prometheus"), {
      args: [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
        "--log.level=warn",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new Prometheus(child, folder, `http://${address}`);
  }

  /** Asks a query until its result is as wanted, and returns it. */
  async until(
    query: string,
    wanted: (samples: readonly StoredSample[]) => boolean,
  ): Promise<StoredSample[]> {
    let samples: StoredSample[] = [];
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline) {
      samples = await this.#query(query);
      if (wanted(samples)) return samples;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    this.#child.kill();
    throw new Error(`${query} is ${JSON.stringify(samples)}; its log: ${await this.#log}`);
  }

  async #query(query: string): Promise<StoredSample[]> {
    try {
      const url = `${this.#url}/api/v1/query?query=${encodeURIComponent(query)}`;
      return samplesIn(await (await fetch(url)).text());
    } catch {
      // It is still starting.
      return [];
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#log;
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** VictoriaMetrics, which takes metrics by OTLP. */
export class VictoriaMetrics implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #address: string;

  constructor() {
    this.#folder = Deno.makeTempDirSync({ prefix: "vrft-victoria-" });
    this.#address = freeAddress();
    this.#child = new Deno.Command(monitor("victoria-metrics"), {
      args: [
        `-storageDataPath=${this.#folder}`,
        `-httpListenAddr=${this.#address}`,
        "-opentelemetry.usePrometheusNaming",
        // What has just come is shown, too.
        "-search.latencyOffset=0s",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Without the path of a signal. */
  get url(): string {
    return `http://${this.#address}/opentelemetry`;
  }

  /** Waits until it answers. */
  async ready(): Promise<void> {
    await this.#until(async () => (await this.#get("/health")) === "OK");
  }

  /** Waits until a query has samples, and returns them. */
  async samples(query: string): Promise<StoredSample[]> {
    let samples: StoredSample[] = [];
    await this.#until(async () => {
      await this.#get("/internal/force_flush");
      const answer = await this.#get(`/api/v1/query?query=${encodeURIComponent(query)}`);
      samples = samplesIn(answer);
      return samples.length > 0;
    });
    return samples;
  }

  async #get(path: string): Promise<string> {
    return await (await fetch(`http://${this.#address}${path}`)).text();
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!await condition().catch(() => false)) {
      if (performance.now() > deadline) throw new Error("VictoriaMetrics has no answer");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** What an answer to a query has. */
function samplesIn(answer: string): StoredSample[] {
  return JSON.parse(answer).data.result.map((
    { metric, value: [, value] }: { metric: Record<string, string>; value: [number, string] },
  ) => ({ labels: metric, value: Number(value) }));
}

/** Runs node_exporter with the textfile collector alone, and returns what it says. */
export async function textfileMetrics(folder: string): Promise<string> {
  const address = freeAddress();
  await using _child = new Deno.Command(monitor("prometheus-node-exporter"), {
    args: [
      "--collector.disable-defaults",
      "--collector.textfile",
      `--collector.textfile.directory=${folder}`,
      `--web.listen-address=${address}`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const deadline = performance.now() + 60_000;
  while (true) {
    try {
      const response = await fetch(`http://${address}/metrics`);
      return await response.text();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** An address with a port that nobody listens at. */
export function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}
