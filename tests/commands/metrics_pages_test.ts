import assert from "node:assert/strict";
import { metricsPages } from "../../src/commands/metrics_pages.ts";
import type { HttpAnswer, HttpHandler } from "../../src/output/http_server.ts";

/** Asks for a page. */
async function ask(
  handler: HttpHandler,
  path = "/metrics",
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return await handler({ method: "GET", path, headers: new Map(Object.entries(headers)) });
}

function textOf({ body }: HttpAnswer): string {
  return new TextDecoder().decode(body);
}

const PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;" +
  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

Deno.test("metrics come in the format that the client likes best", async () => {
  const handler = metricsPages((format) => format);
  for (
    const [accept, format, type] of [
      [undefined, "text", "text/plain; version=0.0.4; charset=utf-8"],
      ["*/*", "text", "text/plain; version=0.0.4; charset=utf-8"],
      [
        PROMETHEUS_2,
        "openmetrics",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
      ],
      [
        "text/plain;q=0.9,application/openmetrics-text;q=0.5",
        "text",
        "text/plain; version=0.0.4; charset=utf-8",
      ],
      ["application/openmetrics-text;q=0", "text", "text/plain; version=0.0.4; charset=utf-8"],
    ] as const
  ) {
    const answer = await ask(handler, "/metrics", accept === undefined ? {} : { accept });
    assert.equal(answer.status, 200);
    assert.equal(textOf(answer), format, accept);
    assert.equal(answer.headers["Content-Type"], type);
    assert.equal(answer.headers["Vary"], "Accept, Accept-Encoding");
  }
});

Deno.test("metrics are compressed for who accepts gzip", async () => {
  const text = "x".repeat(10_000);
  const handler = metricsPages(() => text);
  const answer = await ask(handler, "/metrics", { "accept-encoding": "br, gzip" });
  assert.equal(answer.headers["Content-Encoding"], "gzip");
  assert.ok(answer.body.length < 100);
  const plain = new Blob([answer.body]).stream().pipeThrough(new DecompressionStream("gzip"));
  assert.equal(await new Response(plain).text(), text);
  for (const encoding of ["identity", "gzip;q=0"]) {
    const uncompressed = await ask(handler, "/metrics", { "accept-encoding": encoding });
    assert.equal(uncompressed.headers["Content-Encoding"], undefined);
    assert.equal(textOf(uncompressed), text);
  }
});

Deno.test("metrics are made ten times a second at most", async () => {
  let [made, now] = [0, 0];
  const handler = metricsPages((format) => `${format} ${++made}`, () => now);
  assert.equal(textOf(await ask(handler)), "text 1");
  now = 99;
  assert.equal(textOf(await ask(handler)), "text 1");
  const open = { accept: "application/openmetrics-text" };
  assert.equal(textOf(await ask(handler, "/metrics", open)), "openmetrics 2");
  now = 100;
  assert.equal(textOf(await ask(handler)), "text 3");
});

Deno.test("there is a page that leads to the metrics, and nothing else", async () => {
  const handler = metricsPages(() => "");
  const page = await ask(handler, "/");
  assert.equal(page.headers["Content-Type"], "text/html; charset=utf-8");
  assert.match(textOf(page), /<a href="\/metrics">/);
  for (const path of ["/metrics/", "/favicon.ico", "/../etc/passwd"]) {
    assert.equal((await ask(handler, path)).status, 404);
  }
});
