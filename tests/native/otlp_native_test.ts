import assert from "node:assert/strict";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, whyNoPrograms } from "../support/bpf.ts";
import { sendDatagrams, VRFT, whenLive } from "../support/native_vrft.ts";
import { AgentServer, vmInterface } from "../support/agent_server.ts";
import { Receiver } from "../support/otlp_receiver.ts";
import { attributesOf, messages, metricsOf, spansOf, text } from "../support/otlp.ts";
import { VictoriaMetrics, whyNoMonitor } from "../support/monitors.ts";
import { NO_OTLP } from "../support/protoc.ts";
import { testUnless } from "../support/skip.ts";
import { Authority, TlsServer } from "../support/tls.ts";

// `vrft drops --otlp` on this machine: datagrams to ports that nobody listens at.

const WHY_NOT = NO_OTLP || whyNoPrograms(BPF_PROG_TYPE_RAW_TRACEPOINT);
const test = (name: string, fn: () => Promise<void>): void => testUnless(WHY_NOT, name, fn);
const HOST = "127.0.9.7";
const command = (url: string, ...more: readonly string[]): string[] => [
  ...["env", "OTEL_EXPORTER_OTLP_HEADERS=x-tenant=lab", VRFT],
  ...["drops", "--no-vrouter", "-i", "lo", `udp and dst host ${HOST}`, "--lines"],
  ...["--otlp", url, ...more],
];

/** The drops that metrics count. */
async function droppedOf(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const request = await metricsOf(bytes);
  const [of] = messages(messages(request, "resource_metrics")[0]!, "scope_metrics");
  const dropped = messages(of!, "metrics").find((one) =>
    text(one, "name") === "vrft_packet_dropped"
  );
  const points = messages(messages(dropped!, "sum")[0]!, "data_points")
    .map((one) => [attributesOf(one)["reason"], Number(text(one, "as_double"))] as const);
  // What had no room has zero.
  const counted = points.filter(([, count]) => count > 0);
  assert.match(counted[0]![0]!, /NO_SOCKET/);
  assert.equal(counted.length, 1);
  return counted[0]![1];
}

test("each drop of a live trace is sent, with its reason, in front of the end", async () => {
  await using receiver = new Receiver();
  const { code, stdout, stderr } = await whenLive(
    command(receiver.url, "-n", "5"),
    () => sendDatagrams(HOST, 5),
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout.match(/NO_SOCKET/g)?.length, 5);
  const parts = await Promise.all(receiver.traces.map(({ body }) => spansOf(body)));
  const spans = parts.flatMap((part) => part.spans);
  assert.equal(new Set(spans.map(({ trace }) => trace)).size, 5);
  for (const { attributes, start, status } of spans) {
    assert.equal(attributes["error.type"], "SKB_DROP_REASON_NO_SOCKET");
    assert.equal(attributes["destination.address"], HOST);
    assert.equal(attributes["destination.port"], "9");
    assert.equal(attributes["network.transport"], "udp");
    assert.equal(attributes["network.interface.name"], "lo");
    assert.equal(status, "STATUS_CODE_ERROR: kernel: NO_SOCKET");
    assert.ok(Math.abs(Number(start / 1_000_000n) - Date.now()) < 60_000);
  }
  assert.equal(parts[0]!.resources[0]!["host.name"], Deno.hostname());
  assert.equal(receiver.got[0]!.headers.get("x-tenant"), "lab");
  const metrics = receiver.got.find(({ path }) => path === "/v1/metrics")!;
  assert.equal(await droppedOf(metrics.body), 5);
  assert.match(stderr, /Sent 5 spans to \S+ in \d requests?\n.* 5 drops: 5 lost; /);
});

test("a receiver that is away when the trace begins has all drops once it is back", async () => {
  await using receiver = new Receiver();
  await receiver.stop();
  const { stderr } = await whenLive(command(receiver.url), async (child) => {
    await sendDatagrams(HOST, 3);
    // What was queued waits for the next attempt, a second later.
    receiver.start();
    await receiver.arrival();
    child.kill("SIGINT");
  });
  const parts = await Promise.all(receiver.traces.map(({ body }) => spansOf(body)));
  assert.equal(parts.flatMap(({ spans }) => spans).length, 3, stderr);
});

test("a receiver that does not answer keeps no drop from being printed", async () => {
  const hang = Promise.withResolvers<Response>();
  await using receiver = new Receiver(() => hang.promise);
  let status = -1;
  const { stdout, stderr } = await whenLive(command(receiver.url, "-n", "40"), async (child) => {
    await sendDatagrams(HOST, 20);
    await receiver.arrival();
    await sendDatagrams(HOST, 20);
    // The trace has ended by its limit: the first signal is about what waits.
    while (status < 0) {
      child.kill("SIGINT");
      status = await Promise.race([
        child.status.then(({ code }) => code),
        new Promise<number>((resolve) => setTimeout(resolve, 100, -1)),
      ]);
    }
    hang.resolve(new Response());
  });
  assert.equal(stdout.match(/NO_SOCKET/g)?.length, 40, stderr);
  assert.match(stderr, /Sent 0 spans to \S+ in 0 requests; not sent: 40 left at the end\n/);
  assert.equal(status, 0);
});

/** Names of VMs in what a trace of three drops sends, and what it says, with such an agent. */
async function namedBy(agent: AgentServer): Promise<{ names: unknown[]; stderr: string }> {
  await using receiver = new Receiver();
  const { code, stderr } = await whenLive(
    command(receiver.url, "-n", "3", "--agent", agent.url),
    () => sendDatagrams(HOST, 3),
  );
  assert.equal(code, 0, stderr);
  const parts = await Promise.all(receiver.traces.map(({ body }) => spansOf(body)));
  const names = parts.flatMap(({ spans }) => spans).map(({ attributes }) =>
    ["vm.name", "network.name", "vmi.name"].map((name) => attributes[`vrouter.${name}`] ?? null)
  );
  return { names, stderr };
}

test("spans have the names that the agent's introspect has, from the first one on", async () => {
  const others = Array.from({ length: 120 }, (_, index) => vmInterface(index, `tap${index}`));
  // Here there are no vifs, so its device tells what it is.
  await using agent = new AgentServer([...others, vmInterface(120, "lo")]);
  const { names, stderr } = await namedBy(agent);
  const own = ["web-120", "default-domain:lab:blue", "default-domain:lab:port-120"];
  assert.deepEqual(names, [own, own, own]);
  assert.equal(agent.asked.length, 2);
  assert.doesNotMatch(stderr, /agent/);
});

test("an agent that does not answer, or in part, keeps no drop from being sent", async () => {
  const none = [null, null, null];
  const hang = Promise.withResolvers<Response>();
  await using slow = new AgentServer([], () => hang.promise);
  assert.deepEqual((await namedBy(slow)).names, [none, none, none]);
  hang.resolve(new Response());
  await using damaged = new AgentServer([], () => new Response("<ItfResp><itf_list>"));
  const { names, stderr } = await namedBy(damaged);
  assert.deepEqual(names, [none, none, none]);
  assert.match(stderr, /agent at \S+ for names, going on without: its answer is damaged: it ends/);
  assert.equal(stderr.match(/agent/g)?.length, 1);
});

test("TLS is used as the environment says, and what a wrong authority costs is counted", async () => {
  await using authority = await Authority.create();
  await using receiver = new Receiver();
  await using server = await TlsServer.start(authority, receiver.url);
  const traced = async (certificate: string): Promise<string> => {
    const variables = {
      CERTIFICATE: certificate,
      CLIENT_CERTIFICATE: authority.client.certificate,
      CLIENT_KEY: authority.client.key,
    };
    const environment = Object.entries(variables).map(([name, value]) =>
      `OTEL_EXPORTER_OTLP_${name}=${value}`
    );
    const { code, stderr } = await whenLive(
      ["env", ...environment, ...command(server.url, "-n", "2").slice(1)],
      () => sendDatagrams(HOST, 2),
    );
    assert.equal(code, 0, stderr);
    return stderr;
  };
  assert.match(await traced(authority.certificate), /Sent 2 spans to https:/);
  const parts = await Promise.all(receiver.traces.map(({ body }) => spansOf(body)));
  assert.equal(parts.flatMap(({ spans }) => spans).length, 2);
  const refused = await traced(authority.client.certificate);
  assert.match(refused, /Cannot send to https:\S+, trying again: .*invalid peer certificate/);
  assert.match(refused, /Sent 0 spans to .*; not sent: 2 left at the end\n/);
});

testUnless(
  WHY_NOT || whyNoMonitor("victoria-metrics"),
  "VictoriaMetrics has the drops of a trace, and its refusal of spans is said",
  async () => {
    await using victoria = new VictoriaMetrics();
    await victoria.ready();
    const { code, stderr } = await whenLive(
      command(victoria.url, "-n", "5"),
      () => sendDatagrams(HOST, 5),
    );
    assert.equal(code, 0, stderr);
    const samples = await victoria.samples("vrft_packet_dropped_total > 0");
    assert.deepEqual(samples.map(({ labels, value }) => [labels["reason"], value]), [
      ["SKB_DROP_REASON_NO_SOCKET", 5],
    ]);
    assert.equal(
      samples[0]!.labels["host.name"] ?? samples[0]!.labels["host_name"],
      Deno.hostname(),
    );
    // It has no traces.
    assert.match(stderr, /Sent 0 spans to .*; not sent: 5 in requests that it refused/);
  },
);
