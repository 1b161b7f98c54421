import assert from "node:assert/strict";
import { Host, hostTest } from "./host.ts";

const ROOT = new URL("../../", import.meta.url);
const NOWHERE = "/proc/self/none";

const ADDED = {
  HOME: NOWHERE,
  DENO_DIR: NOWHERE,
  DENO_NO_UPDATE_CHECK: "1",
  DENO_TLS_CA_STORE: "mozilla,system",
  DENO_LOG: "error,deno::cache::cache_db=off",
};

hostTest("of the environment the program gets what it makes use of, and nothing else", async () => {
  await using host = await Host.create();
  const kept = {
    TERM: "linux",
    NO_COLOR: "1",
    SSH_CONNECTION: "192.0.2.9 51234 192.0.2.1 22",
    TZ: "America/New_York",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20c2VjcmV0",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "500",
    OTEL_RESOURCE_ATTRIBUTES: "a=b",
    OTEL_SERVICE_NAME: "vrouter",
    VRFT_AGENT_CERTIFICATE: "/etc/contrail/ssl/certs/ca-cert.pem",
  };
  const env = {
    ...kept,
    TERMINFO: "/srv",
    NO_COLOR_: "1",
    TZDIR: "/srv",
    LANG: "de_DE.UTF-8",
    COMPLETE: "bash",
    HOME: "/srv",
    LD_PRELOAD: "/srv/hostile.so",
    LD_LIBRARY_PATH: "/srv",
    LD_AUDIT: "/srv/hostile.so",
    GLIBC_TUNABLES: "glibc.malloc.check=3",
    SSLKEYLOGFILE: "/srv/keys",
    SQLITE_TMPDIR: "/srv",
    DENO_DIR: "/srv/deno",
    DENO_LOG: "trace",
    DENO_V8_FLAGS: "--nonsense",
    DENO_AUDIT_PERMISSIONS: "/srv/audit",
    DENO_COVERAGE_DIR: "/srv/coverage",
    NODE_OPTIONS: "--require /srv/hostile.js",
    NODE_DEBUG: "*",
    OTEL_DENO: "true",
    OTEL_TRACES_EXPORTER: "console",
    OTEL_SERVICE_NAMES: "a",
    DENO_TLS_CA_STORE: "mozilla",
    NPM_CONFIG_USERCONFIG: "/srv/npmrc",
    RUST_LOG: "trace",
    UNHEARD_OF: "/srv/file",
  };
  const { environment } = await host.tell({ env });
  assert.match(environment["LD_PRELOAD"] ?? "", /^\/proc\/self\/fd\/\d+$/);
  delete environment["LD_PRELOAD"];
  assert.deepEqual(environment, { ...kept, ...ADDED });
  assert.deepEqual(host.list("/srv"), []);
});

hostTest("the time zone can be any but a file of somebody's", async () => {
  await using host = await Host.create();
  for (const zone of [":Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", ""]) {
    assert.equal((await host.tell({ env: { TZ: zone } })).environment["TZ"], zone);
  }
  for (const zone of ["/srv/zone", ":/srv/zone", "../../../srv/zone", "Etc/../../../../srv/zone"]) {
    assert.equal((await host.tell({ env: { TZ: zone } })).environment["TZ"], undefined, zone);
  }
});

hostTest("a pipe that the environment names does not stop the start", async () => {
  await using host = await Host.create();
  const made = await new Deno.Command("mkfifo", { args: [host.path("/srv/pipe")] }).output();
  assert.ok(made.success);
  const variables = ["SSLKEYLOGFILE", "TZ", "DENO_AUDIT_PERMISSIONS", "NPM_CONFIG_USERCONFIG"];
  const env = Object.fromEntries(variables.map((name) => [name, "/srv/pipe"]));
  await host.tell({ env, by: ["timeout", "100"] });
});

hostTest("the program is told which signals were ignored, as by nohup", async () => {
  await using host = await Host.create();
  const tell = async (...signals: string[]): Promise<string | undefined> => {
    const by = ["sh", "-c", `trap '' ${signals.join(" ")}; exec "$@"`, "sh"];
    return (await host.tell({ env: { VRFT_IGNORED_SIGNALS: "7" }, by }))
      .environment["VRFT_IGNORED_SIGNALS"];
  };
  assert.equal(await tell("USR1"), undefined);
  assert.equal(await tell("HUP"), "1");
  assert.equal(await tell("HUP", "INT", "TERM"), "4003");
});

Deno.test("the program reads no variable that the launcher leaves out", async () => {
  const source = await Deno.readTextFile(new URL("scripts/launcher/environment.c", ROOT));
  const list: string[] = /kept\[\] = \{(.*?)\}/s.exec(source)?.[1]?.match(/\w+/g) ?? [];
  assert.ok(list.includes("NO_COLOR"), source);
  const read = new Deno.Command("grep", { args: ["-rhoE", "Deno\\.env\\b.*", "src"], cwd: ROOT });
  const uses = new TextDecoder().decode((await read.output()).stdout).split("\n").filter(Boolean);
  // Of OTLP and the agent, by names that begin alike.
  const prefixes = /kept_prefixes\[\] = \{(.*?)\}/s.exec(source)?.[1]?.match(/\w+/g) ?? [];
  const sources = await Promise.all(
    ["output/otlp/settings.ts", "commands/agent_names.ts"].map((path) =>
      Deno.readTextFile(new URL(`src/${path}`, ROOT))
    ),
  );
  const names = sources.flatMap((text) => text.match(/(?:OTEL|VRFT)_\w+/g) ?? []);
  assert.ok(names.length >= 4);
  assert.deepEqual(names.filter((name) => !prefixes.some((one) => name.startsWith(one))), []);
  const foreign = uses.filter((use) => use !== "Deno.env.get(name),").filter((use) => {
    const name = /^Deno\.env\.(?:get|has)\("(\w+)"\)/.exec(use)?.[1];
    return name === undefined || ![...list, "VRFT_IGNORED_SIGNALS"].includes(name);
  });
  assert.deepEqual(foreign, []);
});

hostTest("files in the current directory and in $HOME have no effect", async () => {
  await using host = await Host.create();
  const names = ["deno.json", "deno.jsonc", "deno.lock", "package.json", ".npmrc", ".env"];
  for (const name of names) {
    Deno.writeTextFileSync(host.path(`/srv/${name}`), "[[ not = { valid\0\n");
  }
  host.mkdir("/srv/node_modules");
  await host.tell({ cwd: "/srv", env: { HOME: "/srv" } });
  assert.deepEqual(host.list("/srv"), [...names, "node_modules"].sort());
});

hostTest("a pipe in place of a file in $HOME does not stop the start", async () => {
  await using host = await Host.create();
  const made = await new Deno.Command("mkfifo", { args: [host.path("/srv/.npmrc")] }).output();
  assert.ok(made.success);
  await host.tell({ cwd: "/srv", env: { HOME: "/srv" }, by: ["timeout", "100"] });
});

hostTest("a current directory that has been removed does not stop the start", async () => {
  await using host = await Host.create();
  const enter = 'mkdir /srv/gone && cd /srv/gone && rmdir /srv/gone && exec "$@"';
  const { directory } = await host.tell({ by: ["sh", "-c", enter, "sh"] });
  // Where relative paths lead nowhere, and no file can be made.
  assert.match(directory, /^\/proc\/\d+\/fdinfo$/);
});

hostTest("a current directory that is there stays the one", async () => {
  await using host = await Host.create();
  assert.equal((await host.tell({ cwd: "/srv" })).directory, "/srv");
});
