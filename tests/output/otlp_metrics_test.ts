import assert from "node:assert/strict";
import type { MetricFamily } from "../../src/output/exposition.ts";
import { metricsRequest } from "../../src/output/otlp/metrics.ts";
import { resourceOf } from "../../src/output/otlp/resource.ts";
import { ORIGIN } from "../support/exports.ts";
import { attributesOf, messages, metricsOf, text } from "../support/otlp.ts";
import { NO_OTLP } from "../support/protoc.ts";
import { testUnless } from "../support/skip.ts";

testUnless(NO_OTLP, "counters are cumulative sums, and gauges have no start", async () => {
  const families: readonly MetricFamily[] = [
    {
      name: "vrft_packet_dropped",
      type: "counter",
      help: "Packets that were dropped",
      labels: ["reason", "cause"],
      samples: [{ labels: ["Discards", ""], value: 2 ** 53 - 1 }, {
        labels: ["No L2 Route", "no route"],
        value: 0,
      }],
    },
    {
      name: "process_cpu_seconds",
      type: "counter",
      unit: "seconds",
      help: "CPU time",
      labels: [],
      samples: [{ labels: [], value: 1.25 }],
    },
    { name: "up", type: "gauge", help: "Up", labels: [], samples: [{ labels: [], value: 1 }] },
    { name: "vrft_build", type: "info", help: "", labels: [], samples: [{ labels: [], value: 1 }] },
  ];
  const times = { start: 1_795_698_187_000_000_001n, now: 1_795_698_190_000_000_002n };
  const { bytes, values } = metricsRequest(families, times, resourceOf(ORIGIN));
  assert.equal(values, 4);
  const request = await metricsOf(bytes);
  const [resource] = messages(request, "resource_metrics");
  assert.equal(attributesOf(messages(resource!, "resource")[0]!)["host.name"], "compute-7");
  const metrics = messages(messages(resource!, "scope_metrics")[0]!, "metrics");
  assert.deepEqual(
    metrics.map((one) => [text(one, "name"), text(one, "unit")]),
    [["vrft_packet_dropped", ""], ["process_cpu_seconds", "s"], ["up", ""]],
  );
  const [dropped, cpu] = metrics.map((one) => messages(one, "sum")[0]);
  for (const sum of [dropped!, cpu!]) {
    assert.equal(text(sum, "aggregation_temporality"), "AGGREGATION_TEMPORALITY_CUMULATIVE");
    assert.equal(text(sum, "is_monotonic"), "true");
  }
  assert.deepEqual(
    messages(dropped!, "data_points").map((one) => [
      Number(text(one, "as_double")),
      attributesOf(one),
      text(one, "start_time_unix_nano"),
      text(one, "time_unix_nano"),
    ]),
    [
      [2 ** 53 - 1, { reason: "Discards" }, `${times.start}`, `${times.now}`],
      [0, { reason: "No L2 Route", cause: "no route" }, `${times.start}`, `${times.now}`],
    ],
  );
  const [up] = messages(messages(metrics[2]!, "gauge")[0]!, "data_points");
  assert.deepEqual([text(up!, "as_double"), text(up!, "start_time_unix_nano")], ["1", ""]);
});
