import assert from "node:assert/strict";
import { metricsPages } from "../../src/commands/metrics_pages.ts";
import { exposition, type ExpositionFormat } from "../../src/output/exposition.ts";
import { HttpServer } from "../../src/output/http_server.ts";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest, whyNoPrograms } from "../support/bpf.ts";
import { freeAddress, Prometheus, textfileMetrics, whyNoMonitor } from "../support/monitors.ts";
import { run, sendDatagrams, VRFT, whenLive } from "../support/native_vrft.ts";
import { testUnless } from "../support/skip.ts";

// Metrics of datagrams to ports of this machine that nobody listens at: the sender knows how many.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const NO_MONITORS = whyNoPrograms(BPF_PROG_TYPE_RAW_TRACEPOINT) || whyNoMonitor("prometheus") ||
  whyNoMonitor("prometheus-node-exporter");
const HOST = "127.0.9.2";
const COMMAND = [VRFT, "drops", "--no-vrouter", "-i", "lo", `udp and dst host ${HOST}`];
const SENT = 5;

/** Drops of the datagrams, in the text format. */
function droppedIn(text: string): number {
  const [, value] = /^vrft_packet_dropped_total\{.*reason="SKB_DROP_REASON_NO_SOCKET".*\} (\d+)$/m
    .exec(text) ?? [];
  return Number(value ?? 0);
}

/** Gets metrics until they have as many drops. */
async function metricsWith(address: string, drops: number): Promise<string> {
  const deadline = performance.now() + 30_000;
  while (true) {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    if (droppedIn(text) === drops || performance.now() > deadline) return text;
  }
}

/** Waits for a file of which the contents are as wanted. */
async function fileUntil(path: string, wanted: (text: string) => boolean): Promise<string> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  using watcher = Deno.watchFs(folder);
  const read = (): string => Deno.readTextFileSync(path);
  let text = read();
  if (wanted(text)) return text;
  for await (const { kind } of watcher) {
    if (kind === "access") continue;
    text = read();
    if (wanted(text)) break;
  }
  return text;
}

const LABELS = 'source="kernel",reason="SKB_DROP_REASON_NO_SOCKET",class="lost",cause="",vif="",' +
  'device="lo",direction="receive"';

testUnless(
  NO_MONITORS,
  "JSON lines, Prometheus and node_exporter count the same drops",
  async () => {
    const address = freeAddress();
    const folder = await Deno.makeTempDir({ prefix: "vrft-metrics-" });
    const path = `${folder}/vrft.prom`;
    try {
      const args = ["--json", "--listen", address, "--textfile", path, "--interval", "100ms"];
      const { code, stdout, stderr } = await whenLive([...COMMAND, ...args], async (child) => {
        await sendDatagrams(HOST, SENT);
        const served = await metricsWith(address, SENT);
        const line = `vrft_packet_dropped_total{${LABELS}} ${SENT}\n`;
        assert.ok(served.includes(line), served);
        assert.match(served, /^vrft_events_lost_total 0$/m);
        const written = await fileUntil(path, (text) => droppedIn(text) === SENT);
        assert.ok(written.includes(line), written);
        await readByMonitors(address, folder);
        child.kill("SIGTERM");
      });
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trimEnd().split("\n").length, 2 * SENT);
      assert.match(stderr, new RegExp(`Serves metrics at http://${address}/metrics\n`));
      assert.deepEqual([...Deno.readDirSync(folder)], []);
      await assert.rejects(fetch(`http://${address}/metrics`));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** Has node_exporter read the file, and Prometheus the server, before and after more drops. */
async function readByMonitors(address: string, folder: string): Promise<void> {
  const exported = await textfileMetrics(folder);
  assert.equal(droppedIn(exported), SENT, exported);
  assert.match(exported, /^node_textfile_scrape_error 0$/m);
  await using prometheus = Prometheus.start([address]);
  const query = 'vrft_packet_dropped_total{reason="SKB_DROP_REASON_NO_SOCKET"}';
  const [sample] = await prometheus.until(query, ([one]) => one?.value === SENT);
  assert.deepEqual(sample, {
    labels: {
      __name__: "vrft_packet_dropped_total",
      job: "job0",
      instance: address,
      source: "kernel",
      reason: "SKB_DROP_REASON_NO_SOCKET",
      class: "lost",
      device: "lo",
      direction: "receive",
    },
    value: SENT,
  });
  await sendDatagrams(HOST, SENT);
  await prometheus.until(query, ([one]) => one?.value === 2 * SENT);
}

test("metrics alone print nothing, leave out other reasons, and wait for no client", async () => {
  const address = freeAddress();
  const clients: Deno.TcpConn[] = [];
  const args = ["--listen", address, "--reason", "netfilter-drop"];
  const { code, stdout, stderr } = await whenLive([...COMMAND, ...args], async (child) => {
    const port = Number(address.split(":")[1]);
    for (let at = 0; at < 40; at++) clients.push(await Deno.connect({ port }));
    await sendDatagrams(HOST, SENT);
    assert.match(await metricsWith(address, 0), /^vrft_packet_dropped_label_sets 0$/m);
    const taken = await run([...COMMAND, "--listen", address]);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /vrft: Cannot listen at .*: Address already in use; choose another/);
    child.kill("SIGTERM");
  });
  for (const client of clients) client.close();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, / 0 drops; 0 events lost; .*; 5 drops not shown; /);
});

/** Values of labels of which each format has to escape something. */
const ODD = ["\\", '"', "\n", '\\n"', "tap\x1b[2J", "é{}=,", "\u{1f600}", " a "];

/** Serves them in one format, whatever the client accepts. */
function oddServer(format: ExpositionFormat | null): HttpServer {
  const family = {
    name: "vrft_odd",
    type: "counter" as const,
    help: ODD.join(" "),
    labels: ["device", "at"],
    samples: ODD.map((device, at) => ({ labels: [device, `${at}`], value: at })),
  };
  const pages = metricsPages((wanted) => exposition([family], wanted));
  return new HttpServer({ host: "127.0.0.1", port: 0 }, ({ headers, ...request }) =>
    pages({
      ...request,
      headers: format === null ? headers : new Map([["accept-encoding", "gzip"]]),
    }));
}

testUnless(
  whyNoMonitor("prometheus"),
  "Prometheus reads odd labels in both formats as they were",
  async () => {
    using open = oddServer(null);
    using text = oddServer("text");
    const timer = setInterval(() => {
      open.turn();
      text.turn();
    }, 50);
    try {
      await using prometheus = Prometheus.start([open.address, text.address]);
      for (const job of ["job0", "job1"]) {
        const query = `vrft_odd_total{job="${job}"}`;
        const samples = await prometheus.until(query, ({ length }) => length === ODD.length);
        for (const { labels, value } of samples) assert.equal(labels["device"], ODD[value]);
      }
    } finally {
      clearInterval(timer);
    }
  },
);
