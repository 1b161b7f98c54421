/**
 * How OTLP is sent, as the environment says: the variables that all exporters of OpenTelemetry have in common.
 *
 * Names: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 *
 * @module
 */

import { Failure } from "../../sys/failure.ts";
import {
  type Certificates,
  certificatesOf,
  type Environment,
  type Variable,
  variableOf,
} from "../http_client.ts";

/** What is sent. Each has an address of its own below that of the receiver. */
export type Signal = "traces" | "metrics";

/** How one signal is sent. */
export interface OtlpSettings extends Certificates {
  readonly url: string;
  /** Besides those of the protocol. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Milliseconds that one attempt may take. */
  readonly timeoutMs: number;
  readonly gzip: boolean;
}

const PREFIX = "OTEL_EXPORTER_OTLP_";
const DEFAULT_TIMEOUT_MS = 10_000;
/** Longest timeout in milliseconds: a day, far below what timers take. */
const MAX_TIMEOUT_MS = 86_400_000;

/**
 * The settings of a signal.
 *
 * @param base address of the receiver, to which that of the signal is added
 * @throws {Failure} `usage` if a variable has a value that means nothing, or names a file that cannot be used
 */
export function otlpSettings(
  base: string,
  signal: Signal,
  environment: Environment,
): OtlpSettings {
  const prefixes = [`${PREFIX}${signal.toUpperCase()}_`, PREFIX];
  const variable = (name: string): Variable | null =>
    variableOf(prefixes.map((prefix) => `${prefix}${name}`), environment);
  return {
    url: `${base.replace(/\/+$/, "")}/v1/${signal}`,
    headers: headersOf(variable("HEADERS")),
    timeoutMs: timeoutOf(variable("TIMEOUT")),
    gzip: isCompressed(variable("COMPRESSION")),
    ...certificatesOf(prefixes, environment),
  };
}

/**
 * Attributes of the resource that the environment adds.
 *
 * @throws {Failure} `usage` if they are no list
 */
export function environmentAttributes(
  environment: Pick<Environment, "get">,
): [name: string, value: string][] {
  const name = "OTEL_RESOURCE_ATTRIBUTES";
  const list = environment.get(name) ?? "";
  const attributes = list === "" ? [] : pairsOf({ name, value: list });
  const service = environment.get("OTEL_SERVICE_NAME") ?? "";
  return service === "" ? attributes : [...attributes, ["service.name", service]];
}

function headersOf(variable: Variable | null): readonly (readonly [string, string])[] {
  if (variable === null) return [];
  const pairs = pairsOf(variable);
  try {
    new Headers(pairs);
  } catch (cause) {
    throw wrong(variable.name, "give headers of HTTP, as name=value,name=value", cause);
  }
  return pairs;
}

/** `name=value,name=value`, both as in a URL. */
function pairsOf({ name, value }: Variable): [string, string][] {
  return value.split(",").filter((one) => one.trim() !== "").map((one) => {
    const [, key, text] = /^\s*([^=]*?)\s*=\s*(.*?)\s*$/s.exec(one) ?? [];
    if (!key || text === undefined) throw wrong(name, "give name=value,name=value");
    try {
      return [decodeURIComponent(key), decodeURIComponent(text)];
    } catch (cause) {
      throw wrong(name, "write a percent sign as %25", cause);
    }
  });
}

function timeoutOf(variable: Variable | null): number {
  if (variable === null) return DEFAULT_TIMEOUT_MS;
  const { name, value } = variable;
  const milliseconds = /^\d+$/.test(value) ? Number(value) : NaN;
  if (milliseconds >= 1 && milliseconds <= MAX_TIMEOUT_MS) return milliseconds;
  throw wrong(name, "give milliseconds, such as 10000");
}

function isCompressed(variable: Variable | null): boolean {
  if (variable === null || variable.value === "gzip") return true;
  if (variable.value === "none") return false;
  throw wrong(variable.name, "give gzip or none");
}

/** The value is not in the message: it may be secret. */
function wrong(name: string, advice: string, cause?: unknown): Failure {
  return new Failure("usage", `The value of ${name} means nothing to vrft: ${advice}`, { cause });
}
