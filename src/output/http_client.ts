/**
 * What clients of HTTP have in common: certificates that the environment names, and failures in words.
 *
 * @module
 */

import { amount } from "../sys/amount.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";

/** Where settings are from. */
export interface Environment {
  /** A variable; `undefined` if it is not set. */
  get(name: string): string | undefined;
  /** The text of a file. @throws if it cannot be read */
  read(path: string): string;
}

/** This process's. */
export const ENVIRONMENT: Environment = {
  get: (name) => Deno.env.get(name),
  read: (path) => Deno.readTextFileSync(path),
};

/** A variable that is set. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** What TLS is used with, in PEM. */
export interface Certificates {
  /** Certificates that the server's may be signed by, besides the usual ones. */
  readonly certificate: string | null;
  /** What vrft shows the server; `null` for nothing. */
  readonly client: { readonly certificate: string; readonly key: string } | null;
}

/** The first of some variables that is set, and not empty; `null` if none is. */
export function variableOf(
  names: readonly string[],
  environment: Pick<Environment, "get">,
): Variable | null {
  for (const name of names) {
    const value = environment.get(name);
    // Empty is as if it were not set.
    if (value !== undefined && value !== "") return { name, value };
  }
  return null;
}

/**
 * The certificates in the files that `CERTIFICATE`, `CLIENT_CERTIFICATE` and `CLIENT_KEY` name.
 *
 * @param prefixes what stands in front of these, the first wins
 * @throws {Failure} `usage` if one cannot be read, is none, or lacks another one
 */
export function certificatesOf(
  prefixes: readonly string[],
  environment: Environment,
): Certificates {
  const file = (name: string): { readonly of: string; readonly text: string } | null => {
    const path = variableOf(prefixes.map((prefix) => `${prefix}${name}`), environment);
    if (path === null) return null;
    const what = `"${printable(path.value)}" of ${path.name}`;
    try {
      return { of: what, text: environment.read(path.value) };
    } catch (cause) {
      throw new Failure("usage", `Cannot read ${what}: ${reasonOf(cause)}`, { cause });
    }
  };
  const certificate = file("CLIENT_CERTIFICATE");
  const key = file("CLIENT_KEY");
  if ((certificate === null) !== (key === null)) {
    const prefix = prefixes.at(-1);
    throw new Failure(
      "usage",
      `${prefix}CLIENT_CERTIFICATE and ${prefix}CLIENT_KEY need each other: set both`,
    );
  }
  const trusted = file("CERTIFICATE");
  for (const one of [certificate, trusted]) requirePem(one, "CERTIFICATE");
  requirePem(key, "PRIVATE KEY");
  return {
    certificate: trusted?.text ?? null,
    client: certificate === null || key === null
      ? null
      : { certificate: certificate.text, key: key.text },
  };
}

/** The runtime says only that a certificate is wrong, and takes a file without any for an empty one. */
function requirePem(
  file: { readonly of: string; readonly text: string } | null,
  what: string,
): void {
  if (file === null || file.text.includes(`${what}-----`)) return;
  throw new Failure("usage", `Cannot use ${file.of}: it has no ${what} in PEM`);
}

/**
 * A client of HTTP.
 *
 * @throws {Failure} `usage` if the certificates cannot be used
 */
export function httpClient({ certificate, client }: Certificates): Deno.HttpClient {
  try {
    return Deno.createHttpClient({
      ...certificate === null ? {} : { caCerts: [certificate] },
      ...client === null ? {} : { cert: client.certificate, key: client.key },
    });
  } catch (cause) {
    throw new Failure("usage", `Cannot use the certificates given: ${reasonOf(cause)}`, { cause });
  }
}

/** Why a request failed, in words. @param timeoutMs after which it was given up */
export function reasonOfFetch(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `no answer within ${amount(timeoutMs)} ms`;
  }
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return printable(last instanceof Error ? last.message : String(last));
}
