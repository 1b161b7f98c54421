/**
 * Certificates of an authority made for a test, and a server that has one of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A certificate and its key: files in PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** An authority, and what it has signed: a server at 127.0.0.1, and a client. */
export class Authority implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Authority> {
    const one = new Authority(await Deno.makeTempDir({ prefix: "vrft-tls-" }));
    const key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    const { certificate, key: of } = one.#pair("authority");
    await openssl(
      `req -x509 ${key} -keyout ${of} -out ${certificate} -subj /CN=authority`,
    );
    for (const name of ["server", "client"]) {
      const pair = one.#pair(name);
      await openssl(
        `req -x509 ${key} -CA ${certificate} -CAkey ${of} -keyout ${pair.key} ` +
          `-out ${pair.certificate} -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1 ` +
          "-addext basicConstraints=critical,CA:FALSE",
      );
    }
    return one;
  }

  /** Its own certificate: a file in PEM. */
  get certificate(): string {
    return this.#pair("authority").certificate;
  }

  get server(): Pair {
    return this.#pair("server");
  }

  get client(): Pair {
    return this.#pair("client");
  }

  #pair(name: string): Pair {
    return {
      certificate: `${this.#folder}/${name}.pem`,
      key: `${this.#folder}/${name}.key`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function openssl(args: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args: args.split(" ") }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/**
 * Stands in front of a server of HTTP at 127.0.0.1, and passes requests on that come by TLS from a client with
 * a certificate of the authority.
 */
export class TlsServer implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
  }

  /** @param behind address of the server, without a path */
  static async start({ certificate, server }: Authority, behind: string): Promise<TlsServer> {
    const read = (path: string): string => Deno.readTextFileSync(path);
    const options = {
      cert: read(server.certificate),
      key: read(server.key),
      ca: read(certificate),
      requestCert: true,
      rejectUnauthorized: true,
    };
    const one = createServer(options, async (request, response) => {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const part of request) parts.push(Uint8Array.from(part));
      const { method = "GET", url = "/", headers } = request;
      const names = ["content-type", "content-encoding"].filter((name) => headers[name]);
      const answer = await fetch(`${behind}${url}`, {
        method,
        headers: names.map((name) => [name, String(headers[name])]),
        ...method === "GET" ? {} : { body: new Blob(parts) },
      });
      response.writeHead(answer.status);
      response.end(await answer.bytes());
    });
    await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
    return new TlsServer(one);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
