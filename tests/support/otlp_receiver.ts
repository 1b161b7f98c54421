/**
 * A receiver of OTLP over HTTP that keeps what it gets.
 *
 * @module
 */

/** A request that a receiver got. */
export interface Got {
  readonly path: string;
  readonly headers: Headers;
  /** Uncompressed. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Answers the Nth request, from 1 on. */
export type Handler = (request: Got, nth: number) => Response | Promise<Response>;

/** A receiver on this machine, which can be stopped and started again. */
export class Receiver implements AsyncDisposable {
  readonly got: Got[] = [];
  #seen = 0;
  #next = Promise.withResolvers<void>();
  #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #handler: Handler;

  constructor(handler: Handler = () => new Response()) {
    this.#handler = handler;
    this.#server = this.#serve(0);
  }

  /** Requests with spans. */
  get traces(): readonly Got[] {
    return this.got.filter(({ path }) => path === "/v1/traces");
  }

  /** Without the path of a signal. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Resolves when there is a request, or another one than those of the last call. */
  async arrival(): Promise<void> {
    while (this.got.length <= this.#seen) await this.#next.promise;
    this.#seen = this.got.length;
  }

  /** Refuses connections from now on. */
  stop(): Promise<void> {
    return this.#server.shutdown();
  }

  /** In place of a receiver that is stopped: waits for a connection, and ends it. */
  async refusal(): Promise<void> {
    const { port, hostname } = this.#server.addr;
    using listener = Deno.listen({ port, hostname });
    (await listener.accept()).close();
  }

  /** At the same address again. */
  start(): void {
    this.#server = this.#serve(this.#server.addr.port);
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({ port, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
      const isGzip = request.headers.get("content-encoding") === "gzip";
      const stream = isGzip
        ? request.body!.pipeThrough(new DecompressionStream("gzip"))
        : request.body!;
      const got = {
        path: new URL(request.url).pathname,
        headers: request.headers,
        body: await new Response(stream).bytes(),
      };
      this.got.push(got);
      this.#next.resolve();
      this.#next = Promise.withResolvers();
      return await this.#handler(got, this.got.length);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
