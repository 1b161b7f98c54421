/**
 * The pages of the server of metrics.
 *
 * @module
 */

import { CONTENT_TYPES, type ExpositionFormat } from "../output/exposition.ts";
import { type HttpRequest, weightOf } from "../output/http_request.ts";
import { type HttpAnswer, type HttpHandler, plainAnswer } from "../output/http_server.ts";

/** Milliseconds for which metrics are not made anew: who asks all the time gets the same again. */
const FRESH_MS = 100;

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>vrft</title></head>
<body>
<h1>vrft</h1>
<p>Packets dropped by vRouter and the kernel: <a href="/metrics">metrics</a></p>
</body>
</html>
`;

/** Metrics that have been made, as they are sent. */
interface Made {
  readonly until: number;
  readonly plain: Uint8Array<ArrayBuffer>;
  gzipped: Promise<Uint8Array<ArrayBuffer>> | null;
}

/**
 * A handler of `/metrics` and `/`.
 *
 * @param metrics makes them
 * @param now milliseconds of a monotonic clock
 */
export function metricsPages(
  metrics: (format: ExpositionFormat) => string,
  now: () => number = () => performance.now(),
): HttpHandler {
  const encoder = new TextEncoder();
  const made = new Map<ExpositionFormat, Made>();
  const fresh = (format: ExpositionFormat): Made => {
    const kept = made.get(format);
    if (kept !== undefined && now() < kept.until) return kept;
    const plain = encoder.encode(metrics(format));
    const all = { plain, gzipped: null, until: now() + FRESH_MS };
    made.set(format, all);
    return all;
  };
  return async (request) => {
    if (request.path === "/") return page();
    if (request.path !== "/metrics") return plainAnswer(404, "There is nothing here: see /metrics");
    const format = formatFor(request);
    const one = fresh(format);
    const isGzipped = weightOf(request.headers.get("accept-encoding"), ["gzip", "*"]) > 0;
    return {
      status: 200,
      headers: {
        "Content-Type": CONTENT_TYPES[format],
        "Vary": "Accept, Accept-Encoding",
        ...isGzipped ? { "Content-Encoding": "gzip" } : {},
      },
      body: isGzipped ? await (one.gzipped ??= gzip(one.plain)) : one.plain,
    };
  };
}

function page(): HttpAnswer {
  return {
    status: 200,
    headers: { "Content-Type": "text/html; charset=utf-8" },
    body: new TextEncoder().encode(PAGE),
  };
}

/** What the client likes best. */
function formatFor({ headers }: HttpRequest): ExpositionFormat {
  const accept = headers.get("accept");
  const open = weightOf(accept, ["application/openmetrics-text"]);
  return open > 0 && open >= weightOf(accept, ["text/plain"]) ? "openmetrics" : "text";
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}
