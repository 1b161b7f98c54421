import assert from "node:assert/strict";
import { type HttpHandler, HttpServer, plainAnswer } from "../../src/output/http_server.ts";
import { isFailure } from "../support/failures.ts";
import { testUnless } from "../support/skip.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/** A server, with a clock that only goes on when it is told to. */
class Bench implements Disposable {
  now = 0;
  readonly server: HttpServer;

  constructor(handler: HttpHandler = ({ path }) => Promise.resolve(plainAnswer(200, path))) {
    this.server = new HttpServer(LOOPBACK, handler, () => this.now);
    this.server.turn();
  }

  get url(): string {
    return `http://${this.server.address}`;
  }

  /** A connection that sends this. */
  async connect(text: string): Promise<Deno.TcpConn> {
    const port = Number(this.server.address.split(":")[1]);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  /** What the server says to a text. */
  async says(text: string): Promise<string> {
    using connection = await this.connect(text);
    return await new Response(connection.readable).text();
  }

  [Symbol.dispose](): void {
    this.server[Symbol.dispose]();
  }
}

/** The first of the answers to a connection that has been closed, which may have been reset. */
async function isClosed(connection: Deno.TcpConn): Promise<boolean> {
  try {
    return await connection.read(new Uint8Array(1)) === null;
  } catch {
    return true;
  }
}

/** Why nobody can listen at ::1; empty if one can. */
function whyNoIpv6(): string {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return "";
  } catch (error) {
    return `IPv6: ${error instanceof Error ? error.message : error}`;
  }
}

Deno.test("HttpServer answers GET, and HEAD without a body", async () => {
  using bench = new Bench();
  const got = await fetch(`${bench.url}/some`);
  assert.equal(got.status, 200);
  assert.equal(await got.text(), "/some\n");
  assert.equal(got.headers.get("content-length"), "6");
  assert.ok(Math.abs(Date.parse(got.headers.get("date")!) - Date.now()) < 60_000);
  const head = await bench.says("HEAD /some HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*Content-Length: 6\r\n(.+\r\n)*\r\n$/);
});

Deno.test("HttpServer refuses other methods, of which the body is read", async () => {
  using bench = new Bench();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const body = method === "POST" ? "x".repeat(50_000) : null;
    const response = await fetch(bench.url, { method, body });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
    await response.body?.cancel();
  }
  assert.equal(bench.server.answers.get(405), 4);
});

Deno.test("HttpServer refuses what is no request, and a head without end", async () => {
  using bench = new Bench();
  assert.match(await bench.says("nonsense\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n/);
  const long = `GET / HTTP/1.1\r\nA: ${"x".repeat(16 << 10)}`;
  assert.match(await bench.says(long), /^HTTP\/1\.1 431 /);
  assert.deepEqual([bench.server.answers.get(400), bench.server.answers.get(431)], [1, 1]);
});

Deno.test("HttpServer reads a request that comes in pieces", async () => {
  using bench = new Bench();
  using connection = await bench.connect("GET /pie");
  await connection.write(new TextEncoder().encode("ces HTTP/1.1\r\n"));
  await connection.write(new TextEncoder().encode("\r\n"));
  assert.match(await new Response(connection.readable).text(), /\r\n\r\n\/pieces\n$/);
});

Deno.test("HttpServer answers others while clients are slow, and gives those up", async () => {
  const body = new Uint8Array(32 << 20);
  using bench = new Bench(({ path }) =>
    Promise.resolve({ ...plainAnswer(200, "x"), ...path === "/large" ? { body } : {} })
  );
  // One sends no request, one half of it, and one does not read the answer.
  using silent = await bench.connect("");
  using half = await bench.connect("GET / HT");
  using deaf = await bench.connect("GET /large HTTP/1.1\r\n\r\n");
  assert.equal(await (await fetch(bench.url)).text(), "x\n");
  bench.now = 9999;
  bench.server.turn();
  assert.equal(await (await fetch(bench.url)).text(), "x\n");
  bench.now = 10_000;
  bench.server.turn();
  assert.ok(await isClosed(silent));
  assert.ok(await isClosed(half));
  const rest = await new Response(deaf.readable).bytes().catch(() => new Uint8Array());
  assert.ok(rest.length < body.length, `${rest.length}`);
});

Deno.test("HttpServer keeps so many connections, and closes the oldest for one more", async () => {
  using bench = new Bench();
  const connections: Deno.TcpConn[] = [];
  for (let at = 0; at < 32; at++) connections.push(await bench.connect(""));
  assert.equal(await (await fetch(bench.url)).text(), "/\n");
  assert.ok(await isClosed(connections[0]!));
  await connections[1]!.write(new TextEncoder().encode("GET /second HTTP/1.1\r\n\r\n"));
  assert.match(await new Response(connections[1]!.readable).text(), /\/second\n$/);
  for (const connection of connections.slice(2)) connection.close();
  connections[0]!.close();
});

Deno.test("HttpServer says whose port it is that is taken", () => {
  using bench = new Bench();
  const port = Number(bench.server.address.split(":")[1]);
  const again = (): unknown => new HttpServer({ host: "127.0.0.1", port }, () => Promise.reject());
  assert.throws(
    again,
    isFailure(
      "output",
      /^Cannot listen at 127\.0\.0\.1:\d+: Address already in use; choose another port, /,
    ),
  );
  const elsewhere = { host: "192.0.2.1", port: 0 };
  assert.throws(
    () => new HttpServer(elsewhere, () => Promise.reject()),
    isFailure("output", /^Cannot listen at 192\.0\.2\.1:0: Cannot assign requested address/),
  );
});

testUnless(whyNoIpv6(), "HttpServer listens at IPv6 addresses", async () => {
  using server = new HttpServer(
    { host: "::1", port: 0 },
    () => Promise.resolve(plainAnswer(200, "")),
  );
  server.turn();
  assert.match(server.address, /^\[::1\]:\d+$/);
  await (await fetch(`http://${server.address}`)).text();
});

Deno.test("HttpServer is gone with its connections after dispose", async () => {
  const bench = new Bench();
  using open = await bench.connect("");
  const { url } = bench;
  await (await fetch(url)).text();
  bench[Symbol.dispose]();
  assert.ok(await isClosed(open));
  await assert.rejects(fetch(url));
  bench.server.turn();
  bench[Symbol.dispose]();
});

Deno.test("HttpServer shows the error of a handler to who turns it", async () => {
  using bench = new Bench(() => Promise.reject(new Error("a bug")));
  await assert.rejects(fetch(bench.url));
  assert.throws(() => bench.server.turn(), /a bug/);
});
