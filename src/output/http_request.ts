/**
 * Requests of HTTP/1.0 and 1.1, as far as a server needs them that has a few pages to show.
 *
 * @module
 */

/** A request. */
export interface HttpRequest {
  /** `GET`. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** By names in lower case; values of the same name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Longest head of a request, in bytes. */
export const MAX_HEAD = 16 << 10;

/** What is no request, or one that is too long. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";

  /** @param status of the answer */
  constructor(message: string, readonly status: 400 | 431 = 400) {
    super(message);
  }
}

/** Where the head of a request ends, in what has been received of it; -1 if it is not there yet. */
export function headEnd(bytes: Uint8Array): number {
  for (let at = 3; at < bytes.length; at++) {
    if (bytes[at] !== LF) continue;
    if (bytes[at - 1] === LF || (bytes[at - 1] === CR && bytes[at - 2] === LF)) return at + 1;
  }
  return -1;
}

const [CR, LF] = [13, 10];
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.\d$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
/** Of a proxy's request, the part in front of the path. */
const ORIGIN = /^https?:\/\/[^/?#]*/i;

/**
 * Reads the head of a request.
 *
 * @throws {BadRequest} if it is none
 */
export function parseRequest(head: Uint8Array): HttpRequest {
  // Each byte is one character: nothing of interest has others.
  const [first = "", ...lines] = new TextDecoder("latin1").decode(head).split(/\r?\n/);
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new BadRequest("This is no HTTP request");
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new BadRequest("This request has a header that is none");
    }
    const known = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`);
  }
  const [path = ""] = target.replace(ORIGIN, "").split(/[?#]/);
  return { method, path: path === "" ? "/" : path, headers };
}

/**
 * The weight that a client gives to one of several choices, by a header such as Accept: the highest of
 * those that name it, from 0 for none to 1.
 *
 * @param header its value; `undefined` if there is none
 * @param names in lower case, without parameters
 */
export function weightOf(header: string | undefined, names: readonly string[]): number {
  let best = 0;
  for (const choice of (header ?? "").split(",")) {
    const [name = "", ...parameters] = choice.split(";").map((part) => part.trim().toLowerCase());
    if (!names.includes(name)) continue;
    const given = parameters.find((each) => each.startsWith("q="));
    const weight = given === undefined ? 1 : Number(given.slice(2));
    if (weight > best && weight <= 1) best = weight;
  }
  return best;
}
