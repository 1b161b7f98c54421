/**
 * Debian's Prometheus and node_exporter, which scripts/monitors fetches: other readers of what vrft says
 * in their formats.
 *
 * @module
 */

import assert from "node:assert/strict";
import { whyNoProgram } from "./skip.ts";

const home = Deno.env.get("HOME") ?? "/";
const cache = Deno.env.get("VRFT_CACHE") ??
  `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/vrft`;

/** A program of scripts/monitors. */
export type Monitor = "prometheus" | "promtool" | "prometheus-node-exporter";

/** Path of a program. */
export function monitor(name: Monitor): string {
  return `${cache}/monitors/${name}`;
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
      const { data } = await (await fetch(url)).json();
      return data.result.map((
        { metric, value: [, value] }: { metric: Record<string, string>; value: [number, string] },
      ) => ({ labels: metric, value: Number(value) }));
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
