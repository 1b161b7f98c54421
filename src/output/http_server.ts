/**
 * A small HTTP server for a program that has something else to do: it answers requests between other work
 * of the same thread, and no client can make it wait, or keep many connections.
 *
 * Deno.serve() takes 130 ms to start, has no limit of connections, and keeps those for ever that never
 * send a request.
 *
 * @module
 */

import { addressText, type ListenAddress } from "../cli/values.ts";
import { Failure, reasonOf } from "../sys/failure.ts";
import { printable } from "../sys/printable.ts";
import { BadRequest, headEnd, type HttpRequest, MAX_HEAD, parseRequest } from "./http_request.ts";

/** An answer to a request. */
export interface HttpAnswer {
  readonly status: number;
  /** Besides those of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Answers a request whose method is GET; that to HEAD is made of it. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

/** Connections at a time; the oldest is closed for one more. */
const MAX_CONNECTIONS = 32;
/** Milliseconds from the start of a connection to its end. */
const PATIENCE_MS = 10_000;
/** Bytes that are read, and ignored, behind a request. */
const MAX_BODY = 64 << 10;
/** Milliseconds without accepting connections after that has failed. */
const PAUSE_MS = 1000;

const WORDS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
};

/** A server. Disposing it closes all connections. */
export class HttpServer implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #handler: HttpHandler;
  readonly #now: () => number;
  /** With the time at which each is closed, the oldest first. */
  readonly #connections = new Map<Deno.TcpConn, number>();
  readonly #answers = new Map<number, number>(Object.keys(WORDS).map((code) => [Number(code), 0]));
  #resume = 0;
  #isAccepting = false;
  #isClosed = false;
  #bug: unknown;

  /**
   * Listens. Connections wait until {@linkcode turn} is called for the first time.
   *
   * @param now milliseconds of a monotonic clock
   * @throws {Failure} `output` if the address cannot be listened at
   */
  constructor(address: ListenAddress, handler: HttpHandler, now = () => performance.now()) {
    this.#listener = listen(address);
    this.#handler = handler;
    this.#now = now;
  }

  /** Where it listens: `127.0.0.1:9467`, `[::1]:9467`. */
  get address(): string {
    const { hostname, port } = this.#listener.addr;
    return addressText({ host: hostname, port });
  }

  /** Number of answers by their status, also of those that there were none of. */
  get answers(): ReadonlyMap<number, number> {
    return this.#answers;
  }

  /** Call it several times a second: starts accepting connections, and closes those that take too long. */
  turn(): void {
    if (this.#bug !== undefined) throw this.#bug;
    const now = this.#now();
    if (!this.#isAccepting && !this.#isClosed && now >= this.#resume) void this.#accept();
    for (const [connection, end] of this.#connections) if (now >= end) this.#close(connection);
  }

  async #accept(): Promise<void> {
    this.#isAccepting = true;
    try {
      while (true) {
        const connection = await this.#listener.accept();
        const [oldest] = this.#connections.keys();
        if (this.#connections.size >= MAX_CONNECTIONS) this.#close(oldest!);
        this.#connections.set(connection, this.#now() + PATIENCE_MS);
        void this.#serve(connection);
      }
    } catch {
      // Closed, or out of file descriptors.
      this.#resume = this.#now() + PAUSE_MS;
    }
    this.#isAccepting = false;
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    try {
      const request = await receive(connection);
      if (request === null) return;
      const answer = await this.#answer(request);
      this.#answers.set(answer.status, (this.#answers.get(answer.status) ?? 0) + 1);
      const isHead = !(request instanceof BadRequest) && request.method === "HEAD";
      await send(connection, answer, isHead);
    } catch {
      // The client is gone, or was too slow.
    } finally {
      this.#close(connection);
    }
  }

  async #answer(request: HttpRequest | BadRequest): Promise<HttpAnswer> {
    if (request instanceof BadRequest) return plainAnswer(request.status, request.message);
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") {
      return plainAnswer(405, "Only GET and HEAD are known here", { "Allow": "GET, HEAD" });
    }
    try {
      return await this.#handler(request);
    } catch (error) {
      this.#bug = error;
      throw error;
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    for (const connection of this.#connections.keys()) this.#close(connection);
  }
}

/** An answer in a line of text. */
export function plainAnswer(
  status: number,
  text: string,
  headers: HttpAnswer["headers"] = {},
): HttpAnswer {
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8", ...headers },
    body: new TextEncoder().encode(`${text}\n`),
  };
}

function listen(address: ListenAddress): Deno.TcpListener {
  const { host: hostname, port } = address;
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    const advice = cause instanceof Deno.errors.AddrInUse
      ? "; choose another port, or end the program that uses this one"
      : "";
    throw new Failure(
      "output",
      `Cannot listen at ${printable(addressText(address))}: ${reasonOf(cause)}${advice}`,
      { cause },
    );
  }
}

/** Reads a request; `null` if the client sends none. */
async function receive(connection: Deno.TcpConn): Promise<HttpRequest | BadRequest | null> {
  const buffer = new Uint8Array(MAX_HEAD);
  let received = 0;
  while (received < buffer.length) {
    const read = await connection.read(buffer.subarray(received));
    if (read === null) return null;
    received += read;
    const end = headEnd(buffer.subarray(0, received));
    if (end < 0) continue;
    try {
      return parseRequest(buffer.subarray(0, end));
    } catch (error) {
      if (error instanceof BadRequest) return error;
      throw error;
    }
  }
  return new BadRequest("The head of this request is too long", 431);
}

async function send(
  connection: Deno.TcpConn,
  { status, headers, body }: HttpAnswer,
  isHead: boolean,
): Promise<void> {
  const all = {
    ...headers,
    "Content-Length": `${body.length}`,
    "Connection": "close",
    "Date": new Date().toUTCString(),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = new TextEncoder().encode(`HTTP/1.1 ${status} ${WORDS[status]}\r\n${lines}\r\n`);
  await write(connection, head);
  if (!isHead) await write(connection, body);
  await connection.closeWrite();
  // To close while there is input would reset the connection, and the client might lose the answer.
  const rest = new Uint8Array(4096);
  for (let left = MAX_BODY; left > 0;) {
    const read = await connection.read(rest);
    if (read === null) break;
    left -= read;
  }
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
