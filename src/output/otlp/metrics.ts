/**
 * Metrics as OTLP: those that Prometheus gets, by the same names.
 *
 * Format: opentelemetry/proto/metrics/v1/metrics.proto of https://github.com/open-telemetry/opentelemetry-proto
 *
 * @module
 */

import type { MetricFamily } from "../exposition.ts";
import { Message } from "../protobuf.ts";
import { putAttribute } from "./attributes.ts";
import { putResource, putScope, type Resource } from "./resource.ts";

// Fields of ExportMetricsServiceRequest, ResourceMetrics and ScopeMetrics.
const RESOURCE_METRICS = 1;
const SCOPE_METRICS = 2;
const METRICS = 2;
// Fields of Metric.
const NAME = 1;
const DESCRIPTION = 2;
const UNIT = 3;
const GAUGE = 5;
const SUM = 7;
// Fields of Sum and Gauge.
const DATA_POINTS = 1;
const TEMPORALITY = 2;
const IS_MONOTONIC = 3;
// Fields of NumberDataPoint.
const START = 2;
const TIME = 3;
const AS_DOUBLE = 4;
const ATTRIBUTES = 7;

const CUMULATIVE = 2;
/** As OpenTelemetry writes them: UCUM. */
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "By" };

/** The times that metrics are of, in nanoseconds of Unix time. */
export interface MetricTimes {
  /** Since when counters count. */
  readonly start: bigint;
  readonly now: bigint;
}

/**
 * An ExportMetricsServiceRequest, and the number of its values. A counter is a cumulative sum that never goes
 * down. An info is left out: the resource says it.
 */
export function metricsRequest(
  families: Iterable<MetricFamily>,
  { start, now }: MetricTimes,
  resource: Resource,
): { bytes: Uint8Array<ArrayBuffer>; values: number } {
  const out = new Message();
  let values = 0;
  const request = out.begin(RESOURCE_METRICS);
  putResource(out, resource);
  const scope = out.begin(SCOPE_METRICS);
  putScope(out, resource);
  for (const { name, type, unit, help, labels, samples } of families) {
    if (type === "info") continue;
    const metric = out.begin(METRICS);
    out.text(NAME, name);
    out.text(DESCRIPTION, help);
    if (unit !== undefined) out.text(UNIT, UNITS[unit] ?? unit);
    const data = out.begin(type === "counter" ? SUM : GAUGE);
    for (const { labels: texts, value } of samples) {
      const point = out.begin(DATA_POINTS);
      if (type === "counter") out.fixed64(START, start);
      out.fixed64(TIME, now);
      out.double(AS_DOUBLE, value);
      for (const [at, label] of labels.entries()) {
        putAttribute(out, ATTRIBUTES, label, texts[at] || null);
      }
      out.end(point);
      values++;
    }
    if (type === "counter") {
      out.number(TEMPORALITY, CUMULATIVE);
      out.number(IS_MONOTONIC, 1);
    }
    out.end(data);
    out.end(metric);
  }
  out.end(scope);
  out.end(request);
  return { bytes: out.bytes.slice(), values };
}
