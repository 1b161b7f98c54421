/**
 * Spans and metrics of OTLP, as protoc reads them.
 *
 * @module
 */

import { decodedBy, type Message } from "./protoc.ts";

/** Values of attributes by their names; of an array, joined by ` | `. */
export type Attributes = Readonly<Record<string, string>>;

/** A span. */
export interface Span {
  /** In hexadecimal digits, likewise the others. */
  readonly trace: string;
  readonly id: string;
  /** Empty for a root. */
  readonly parent: string;
  readonly name: string;
  readonly kind: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly links: readonly (readonly [trace: string, id: string])[];
  /** `STATUS_CODE_ERROR: Discards`; empty if not set. */
  readonly status: string;
}

const COLLECTOR = "opentelemetry/proto/collector";

/** A request with metrics. */
export function metricsOf(bytes: Uint8Array<ArrayBuffer>): Promise<Message> {
  return decodedBy(
    `${COLLECTOR}/metrics/v1/metrics_service.proto`,
    "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
    bytes,
  );
}

/** The spans of requests in a row, with the resource and scope of each. */
export async function spansOf(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<{ spans: Span[]; resources: Attributes[]; scopes: string[] }> {
  const request = await decodedBy(
    `${COLLECTOR}/trace/v1/trace_service.proto`,
    "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
    bytes,
  );
  const of = messages(request, "resource_spans");
  const scopes = of.flatMap((one) => messages(one, "scope_spans"));
  return {
    spans: scopes.flatMap((one) => messages(one, "spans")).map(spanOf),
    resources: of.map((one) => attributesOf(messages(one, "resource")[0]!)),
    scopes: scopes.map((one) => {
      const [scope] = messages(one, "scope");
      return `${text(scope!, "name")} ${text(scope!, "version")}`;
    }),
  };
}

/** Messages in a field of another. */
export function messages(of: Message, field: string): readonly Message[] {
  return (of[field] ?? []) as Message[];
}

/** The value of a field; empty if it has none. */
export function text(of: Message, field: string): string {
  return (of[field]?.[0] ?? "") as string;
}

/** The attributes of a message. */
export function attributesOf(of: Message): Attributes {
  return Object.fromEntries(
    messages(of, "attributes").map((
      one,
    ) => [text(one, "key"), valueOf(messages(one, "value")[0]!)]),
  );
}

function valueOf(any: Message): string {
  const [[kind, [value]]] = Object.entries(any) as [[string, [string | Message]]];
  if (kind !== "array_value") return value as string;
  return messages(value as Message, "values").map(valueOf).join(" | ");
}

function spanOf(span: Message): Span {
  const [status] = messages(span, "status");
  return {
    trace: hex(text(span, "trace_id")),
    id: hex(text(span, "span_id")),
    parent: hex(text(span, "parent_span_id")),
    name: text(span, "name"),
    kind: text(span, "kind"),
    start: BigInt(text(span, "start_time_unix_nano")),
    end: BigInt(text(span, "end_time_unix_nano")),
    attributes: attributesOf(span),
    links: messages(span, "links").map((one) =>
      [hex(text(one, "trace_id")), hex(text(one, "span_id"))] as const
    ),
    status: status === undefined ? "" : `${text(status, "code")}: ${text(status, "message")}`,
  };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Bytes as protoc prints them. */
function hex(escaped: string): string {
  const bytes = escaped.replaceAll(
    /\\([0-7]{3}|.)/g,
    (_, code: string) =>
      code.length === 3 ? String.fromCharCode(parseInt(code, 8)) : ESCAPES[code] ?? code,
  );
  return Array.from(bytes, (one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
