import assert from "node:assert/strict";
import { Sender } from "../../src/output/otlp/sender.ts";
import { type OtlpSettings, otlpSettings } from "../../src/output/otlp/settings.ts";
import { Failure } from "../../src/sys/failure.ts";
import { Receiver } from "../support/otlp_receiver.ts";
import { Authority, TlsServer } from "../support/tls.ts";

const NEVER = new AbortController().signal;

/** Variables by what follows `OTEL_EXPORTER_OTLP_`. */
function settingsOf(url: string, variables: Record<string, string>): OtlpSettings {
  return otlpSettings(url, "traces", {
    get: (name) => variables[name.replace("OTEL_EXPORTER_OTLP_", "")],
    read: (path) => Deno.readTextFileSync(path),
  });
}

/** What becomes of a request with three items, of which only one attempt is made. */
async function sent(
  url: string,
  variables: Record<string, string>,
): Promise<{ sent: number; unsent: number; said: string[] }> {
  const said: string[] = [];
  const failed = new AbortController();
  const sender = new Sender({
    settings: settingsOf(url, variables),
    items: "spans",
    say: (message) => said.push(message),
    pause(_, signal): Promise<void> {
      failed.abort();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  });
  sender.push(new Uint8Array(10), 3);
  await sender.finish(AbortSignal.any([NEVER, failed.signal]));
  return { ...sender.counts, said };
}

Deno.test("TLS is used with the certificates that the environment names", async () => {
  await using authority = await Authority.create();
  await using other = await Authority.create();
  await using receiver = new Receiver();
  await using server = await TlsServer.start(authority, receiver.url);
  const { certificate, client } = authority;
  const own = { CLIENT_CERTIFICATE: client.certificate, CLIENT_KEY: client.key };

  const good = await sent(server.url, { CERTIFICATE: certificate, ...own });
  assert.deepEqual([good.sent, good.unsent, good.said], [3, 0, []]);
  assert.equal(receiver.got.length, 1);

  const refused = async (variables: Record<string, string>): Promise<string> => {
    const { sent: count, unsent, said } = await sent(server.url, variables);
    assert.deepEqual([count, unsent, said.length], [0, 3, 1]);
    return said[0]!;
  };
  const about = (reason: string): RegExp =>
    new RegExp(`^Cannot send to https://\\S+, trying again: .*${reason}`);
  assert.match(await refused({ ...own }), about("invalid peer certificate: UnknownIssuer"));
  // Of the same name, but not the same.
  assert.match(
    await refused({ CERTIFICATE: other.certificate, ...own }),
    about("invalid peer certificate: BadSignature"),
  );
  assert.match(await refused({ CERTIFICATE: certificate }), about("CertificateRequired"));
  const { client: foreign } = other;
  await refused({
    CERTIFICATE: certificate,
    CLIENT_CERTIFICATE: foreign.certificate,
    CLIENT_KEY: foreign.key,
  });
  // By its name, the certificate is not of this server.
  const named = server.url.replace("127.0.0.1", "127.0.0.2");
  assert.equal((await sent(named, { CERTIFICATE: certificate, ...own })).unsent, 3);
  assert.equal(receiver.got.length, 1);
});

Deno.test("certificates that cannot be used are refused before anything is sent", async () => {
  await using authority = await Authority.create();
  const { certificate, client } = authority;
  const refused = (variables: Record<string, string>): string => {
    try {
      using _sender = new Sender({
        settings: settingsOf("https://127.0.0.1:4318", variables),
        items: "spans",
        say: () => {},
      });
    } catch (error) {
      if (error instanceof Failure && error.kind === "usage") return error.message;
      throw error;
    }
    return "";
  };
  assert.equal(
    refused({ CERTIFICATE: client.key }),
    `Cannot use "${client.key}" of OTEL_EXPORTER_OTLP_CERTIFICATE: it has no CERTIFICATE in PEM`,
  );
  assert.equal(
    refused({ CLIENT_CERTIFICATE: client.certificate, CLIENT_KEY: certificate }),
    `Cannot use "${certificate}" of OTEL_EXPORTER_OTLP_CLIENT_KEY: it has no PRIVATE KEY in PEM`,
  );
  assert.match(refused({ CLIENT_KEY: client.key }), /need each other/);
  const damaged = `${client.key}.damaged`;
  Deno.writeTextFileSync(
    damaged,
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  );
  assert.match(
    refused({ CLIENT_CERTIFICATE: client.certificate, CLIENT_KEY: damaged }),
    /^Cannot use the certificates given: /,
  );
});
