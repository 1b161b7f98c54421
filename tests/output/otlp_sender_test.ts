import type { Environment } from "../../src/output/http_client.ts";
import assert from "node:assert/strict";
import { readAnswer } from "../../src/output/otlp/answer.ts";
import { retryAfterMs, Sender, type SenderOptions } from "../../src/output/otlp/sender.ts";
import { environmentAttributes, otlpSettings } from "../../src/output/otlp/settings.ts";
import { Message } from "../../src/output/protobuf.ts";
import { Failure } from "../../src/sys/failure.ts";
import { type Got, Receiver } from "../support/otlp_receiver.ts";
import { Random } from "../support/random.ts";

const environmentOf = (variables: Record<string, string> = {}): Environment => ({
  get: (name) => variables[name],
  read: (path) => Deno.readTextFileSync(path),
});

/** A sender, what it says, and the pauses that it makes, which take no time. */
function sender(
  url: string,
  more: Partial<SenderOptions> = {},
  variables: Record<string, string> = {},
): { sender: Sender; said: string[]; pauses: number[] } {
  const [said, pauses]: [string[], number[]] = [[], []];
  const one = new Sender({
    settings: otlpSettings(url, "traces", environmentOf(variables)),
    items: "spans",
    say: (message) => said.push(message.replace(url, "URL")),
    random: () => 1,
    pause: async (milliseconds) => {
      pauses.push(milliseconds);
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
    ...more,
  });
  return { sender: one, said, pauses };
}

const bytesOf = (length: number, value: number) => new Uint8Array(length).fill(value);
const soon = (): AbortSignal => AbortSignal.timeout(2000);
const LONG_AGO = AbortSignal.abort();

Deno.test("requests arrive whole, compressed, one after the other", async () => {
  await using receiver = new Receiver();
  const { sender: one, said, pauses } = sender(receiver.url);
  for (let value = 1; value <= 5; value++) one.push(bytesOf(1000 * value, value), value);
  await one.finish(soon());
  assert.deepEqual(receiver.got.map(({ body }) => [body.length, body[0]]), [
    [1000, 1],
    [2000, 2],
    [3000, 3],
    [4000, 4],
    [5000, 5],
  ]);
  for (const { path, headers } of receiver.got) {
    assert.equal(path, "/v1/traces");
    assert.equal(headers.get("content-type"), "application/x-protobuf");
    assert.equal(headers.get("content-encoding"), "gzip");
    assert.ok(Number(headers.get("content-length")) < 100);
  }
  const { sent, requests, ...rest } = one.counts;
  assert.deepEqual([sent, requests], [15, 5]);
  assert.deepEqual(rest, { overflow: 0, refused: 0, rejected: 0, unsent: 0 });
  assert.deepEqual([said, pauses], [[], []]);
});

Deno.test("a receiver that is busy is asked again when it says, and nothing is lost", async () => {
  await using receiver = new Receiver((_, nth) =>
    nth === 1
      ? new Response(null, { status: 503, headers: { "retry-after": "7" } })
      : nth === 2
      ? new Response(null, { status: 429 })
      : nth === 3
      ? new Response("upstream is away", { status: 502 })
      : new Response()
  );
  const { sender: one, said, pauses } = sender(receiver.url);
  one.push(bytesOf(10, 1), 1);
  one.push(bytesOf(10, 2), 2);
  await one.finish(soon());
  assert.deepEqual(receiver.got.map(({ body }) => body[0]), [1, 1, 1, 1, 2]);
  // At the end, pauses that the receiver has not asked for are short.
  assert.deepEqual(pauses, [7000, 1000, 1000]);
  assert.equal(one.counts.sent, 3);
  assert.deepEqual(said, [
    "Cannot send to URL/v1/traces, trying again: HTTP 503",
    "Sending to URL/v1/traces again",
  ]);
});

Deno.test("pauses become longer up to half a minute, and none is longer than five minutes", async () => {
  await using receiver = new Receiver((_, nth) =>
    nth === 9
      ? new Response(null, { status: 503, headers: { "retry-after": "86400" } })
      : new Response(null, { status: nth > 9 ? 200 : 504 })
  );
  const { sender: one, pauses } = sender(receiver.url, { random: () => 1 });
  one.push(bytesOf(10, 1), 1);
  while (one.counts.sent === 0) await one.progress();
  assert.deepEqual(pauses, [
    ...[1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
    300_000,
  ]);
  one[Symbol.dispose]();
});

Deno.test("a receiver may be away: what there is room for arrives, the rest is counted", async () => {
  await using receiver = new Receiver();
  const { sender: one, said } = sender(receiver.url, { maxBytes: 100_000 });
  one.push(bytesOf(10, 1), 1);
  await one.progress();
  await receiver.stop();
  const random = new Random(15);
  const noise = (value: number) => {
    const bytes = Uint8Array.from({ length: 1000 }, () => random.int(256));
    bytes[0] = value;
    return bytes;
  };
  for (let value = 2; value < 202; value++) one.push(noise(value), 1);
  const { overflow } = one.counts;
  assert.ok(overflow > 90 && overflow < 120, `${overflow}`);
  await one.progress();
  assert.equal(one.counts.sent, 1);
  receiver.start();
  await one.finish(soon());
  const { sent, unsent } = one.counts;
  assert.deepEqual([sent + overflow, unsent], [201, 0]);
  // Each once, in order.
  assert.deepEqual(
    receiver.got.map(({ body }) => body[0]),
    Array.from({ length: sent }, (_, index) => index + 1),
  );
  assert.match(said[0]!, /^Cannot send to URL\/v1\/traces, trying again: .*[Cc]onnection refused/);
  assert.deepEqual(said.slice(1), ["Sending to URL/v1/traces again"]);
});

Deno.test("what a receiver refuses is not sent again", async () => {
  const status = new Message();
  status.number(1, 3);
  status.text(2, "no such tenant\x1b[2J");
  await using receiver = new Receiver((_, nth) =>
    nth === 3
      ? new Response(null, { status: 301, headers: { location: "/" } })
      : new Response(status.bytes.slice(), { status: 400 })
  );
  const { sender: one, said, pauses } = sender(receiver.url);
  for (let value = 1; value <= 3; value++) one.push(bytesOf(10, value), 7);
  await one.finish(soon());
  assert.equal(receiver.got.length, 3);
  assert.deepEqual([one.counts.refused, one.counts.sent], [21, 0]);
  assert.deepEqual(pauses, []);
  assert.deepEqual(said, [
    "The receiver at URL/v1/traces refused a request: HTTP 400: no such tenant\\x1b[2J",
    "The receiver at URL/v1/traces refused a request: HTTP 301",
  ]);
});

Deno.test("what a receiver takes in part is counted", async () => {
  const answer = new Message();
  const partial = answer.begin(1);
  answer.number(1, 3);
  answer.text(2, "too old");
  answer.end(partial);
  await using receiver = new Receiver(() => new Response(answer.bytes.slice()));
  const { sender: one, said } = sender(receiver.url);
  one.push(bytesOf(10, 1), 10);
  one.push(bytesOf(10, 1), 2);
  await one.finish(soon());
  assert.deepEqual([one.counts.sent, one.counts.rejected, one.counts.requests], [7, 5, 2]);
  assert.deepEqual(said, ["The receiver at URL/v1/traces rejected 3 spans: too old"]);
});

Deno.test("the environment says how to send", async () => {
  await using receiver = new Receiver();
  const { sender: one } = sender(`${receiver.url}/otlp/`, {}, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20c2VjcmV0, x-tenant = a%3Db ",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: "none",
  });
  one.push(bytesOf(5000, 1), 1);
  await one.finish(soon());
  const [{ path, headers, body }] = receiver.got as [Got];
  assert.equal(path, "/otlp/v1/traces");
  assert.equal(headers.get("authorization"), "Basic c2VjcmV0");
  assert.equal(headers.get("x-tenant"), "a=b");
  assert.equal(headers.get("content-encoding"), null);
  assert.equal(headers.get("content-length"), "5000");
  assert.equal(body.length, 5000);
});

Deno.test("a receiver that does not answer is given up in time, and holds up nobody", async () => {
  const hang = Promise.withResolvers<Response>();
  await using receiver = new Receiver((_, nth) => nth === 1 ? hang.promise : new Response());
  const { sender: one, said } = sender(receiver.url, {}, { OTEL_EXPORTER_OTLP_TIMEOUT: "50" });
  const before = performance.now();
  one.push(bytesOf(10, 1), 1);
  assert.ok(performance.now() - before < 40);
  await one.finish(soon());
  hang.resolve(new Response());
  assert.deepEqual([one.counts.sent, receiver.got.length], [1, 2]);
  assert.equal(said[0], "Cannot send to URL/v1/traces, trying again: no answer within 50 ms");
});

Deno.test("the end waits for a receiver no longer than it is told to", async () => {
  const hang = Promise.withResolvers<Response>();
  await using receiver = new Receiver(() => hang.promise);
  const { sender: one } = sender(receiver.url);
  one.push(bytesOf(10, 1), 4);
  one.push(bytesOf(10, 1), 5);
  await one.finish(AbortSignal.timeout(30));
  assert.deepEqual([one.counts.unsent, one.counts.sent], [9, 0]);
  one.push(bytesOf(10, 1), 2);
  assert.equal(one.counts.overflow, 2);
  hang.resolve(new Response());
});

Deno.test("the end cuts a long pause short", async () => {
  await using receiver = new Receiver((_, nth) =>
    new Response(null, { status: nth === 1 ? 503 : 200 })
  );
  const paused = Promise.withResolvers<void>();
  const { sender: one } = sender(receiver.url, {
    pause(_, signal): Promise<void> {
      paused.resolve();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  });
  one.push(bytesOf(10, 1), 1);
  await paused.promise;
  await one.finish(soon());
  assert.equal(one.counts.sent, 1);
});

Deno.test("who can wait does so while a receiver is slow, but not for one that is away", async () => {
  const { sender: one } = sender("http://127.0.0.1:1", { maxBytes: 1000 });
  one.push(bytesOf(900, 1), 1);
  assert.equal(one.isBusy, true);
  while (one.isBusy) await one.progress();
  assert.equal(one.counts.unsent, 1);
  await one.finish(LONG_AGO);
});

Deno.test("Retry-After is a number of seconds or a date", () => {
  const now = Date.parse("Thu, 26 Nov 2026 13:00:00 GMT");
  assert.equal(retryAfterMs(null, now), null);
  assert.equal(retryAfterMs("0", now), 0);
  assert.equal(retryAfterMs("120", now), 120_000);
  assert.equal(retryAfterMs("Thu, 26 Nov 2026 13:00:30 GMT", now), 30_000);
  assert.equal(retryAfterMs("Thu, 26 Nov 2026 12:00:00 GMT", now), 0);
  assert.equal(retryAfterMs("soon", now), null);
});

Deno.test("an answer may be anything", () => {
  const nothing = { rejected: 0, message: "" };
  assert.deepEqual(readAnswer(200, new Uint8Array()), nothing);
  assert.deepEqual(readAnswer(200, new TextEncoder().encode("<html>")), nothing);
  const page = new TextEncoder().encode("<html>\n Bad gateway".padEnd(900, "!"));
  assert.equal(readAnswer(502, page).message.length, 200);
  assert.match(readAnswer(502, page).message, /^<html> Bad gateway!/);
  const random = new Random(16);
  for (let run = 0; run < 2000; run++) {
    const bytes = Uint8Array.from({ length: random.int(40) }, () => random.int(256));
    const { rejected } = readAnswer(random.pick([200, 400]), bytes);
    assert.ok(rejected >= 0);
  }
});

Deno.test("a wrong environment is told, but not what is in it", () => {
  const refused = (variables: Record<string, string>): string => {
    try {
      otlpSettings("http://a", "metrics", environmentOf(variables));
    } catch (error) {
      assert.ok(error instanceof Failure);
      assert.equal(error.kind, "usage");
      return error.message;
    }
    return "";
  };
  assert.equal(
    refused({ OTEL_EXPORTER_OTLP_HEADERS: "secret" }),
    "The value of OTEL_EXPORTER_OTLP_HEADERS means nothing to vrft: give name=value,name=value",
  );
  for (
    const [name, value] of [
      ["HEADERS", "a=%zz"],
      ["METRICS_HEADERS", "a b=c"],
      ["TIMEOUT", "10s"],
      ["METRICS_TIMEOUT", "0"],
      ["COMPRESSION", "zstd"],
      ["CLIENT_KEY", "/proc/self/status"],
    ] as const
  ) assert.notEqual(refused({ [`OTEL_EXPORTER_OTLP_${name}`]: value }), "", name);
  assert.equal(
    refused({ OTEL_EXPORTER_OTLP_CERTIFICATE: "/proc/none" }),
    'Cannot read "/proc/none" of OTEL_EXPORTER_OTLP_CERTIFICATE: No such file or directory',
  );
  assert.equal(refused({ OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "x" }), "");
  assert.equal(refused({ OTEL_EXPORTER_OTLP_TIMEOUT: "" }), "");
});

Deno.test("the environment may add to the resource", () => {
  const { get } = environmentOf({
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=lab,k8s.cluster.name=a%2Cb",
    OTEL_SERVICE_NAME: "vrouter",
  });
  assert.deepEqual(environmentAttributes({ get }), [
    ["deployment.environment.name", "lab"],
    ["k8s.cluster.name", "a,b"],
    ["service.name", "vrouter"],
  ]);
  assert.deepEqual(environmentAttributes({ get: () => undefined }), []);
});
