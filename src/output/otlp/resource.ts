/**
 * Where OTLP data are from: the resource, and what made them, which stand in front of spans and of metrics
 * alike.
 *
 * @module
 */

import type { Message } from "../protobuf.ts";
import { type AttributeValue, putAttribute } from "./attributes.ts";

/** Names of attributes with their values, each once. */
export type Resource = ReadonlyMap<string, AttributeValue>;

// Of ResourceSpans and ResourceMetrics, of Resource, of ScopeSpans and ScopeMetrics.
const RESOURCE = 1;
const ATTRIBUTES = 1;
const SCOPE = 1;
// Of InstrumentationScope.
const SCOPE_NAME = 1;
const SCOPE_VERSION = 2;

const SERVICE = "vrft";
const VERSION = "service.version";

/** What a resource is made of. */
export interface ResourceFacts {
  readonly host: string;
  /** Release of the kernel. */
  readonly kernel: string;
  /** `vrft 0.1.0`. */
  readonly program: string;
  /** Further attributes, which win. */
  readonly more?: Iterable<readonly [name: string, value: AttributeValue]>;
}

/** The resource of a host. */
export function resourceOf({ host, kernel, program, more }: ResourceFacts): Resource {
  return new Map<string, AttributeValue>([
    ["service.name", SERVICE],
    // By which Prometheus and its kin tell the hosts apart.
    ["service.instance.id", host || null],
    [VERSION, program.replace(/^\S+ ?/, "") || null],
    ["host.name", host || null],
    ["os.type", "linux"],
    ["os.version", kernel || null],
    ...more ?? [],
  ]);
}

/** Writes a resource into ResourceSpans or ResourceMetrics. */
export function putResource(out: Message, resource: Resource): void {
  const start = out.begin(RESOURCE);
  for (const [key, value] of resource) putAttribute(out, ATTRIBUTES, key, value);
  out.end(start);
}

/** Writes what made the data into ScopeSpans or ScopeMetrics. */
export function putScope(out: Message, resource: Resource): void {
  const start = out.begin(SCOPE);
  out.text(SCOPE_NAME, SERVICE);
  const version = resource.get(VERSION);
  if (typeof version === "string") out.text(SCOPE_VERSION, version);
  out.end(start);
}
