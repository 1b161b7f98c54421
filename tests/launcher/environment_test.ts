import assert from "node:assert/strict";
import { Host, hostTest } from "./host.ts";

const NOWHERE = "/proc/self/none";

hostTest("the program gets the environment without what would change the runtime", async () => {
  await using host = await Host.create();
  const env = {
    TERM: "linux",
    NO_COLOR: "1",
    LDX: "kept",
    DENO: "kept",
    HOME: "/srv",
    LD_PRELOAD: "/srv/hostile.so",
    LD_LIBRARY_PATH: "/srv",
    LD_AUDIT: "/srv/hostile.so",
    GLIBC_TUNABLES: "glibc.malloc.check=3",
    DENO_DIR: "/srv/deno",
    DENO_V8_FLAGS: "--nonsense",
    DENO_AUDIT_PERMISSIONS: "/srv/audit",
    NODE_OPTIONS: "--require /srv/hostile.js",
    NODE_DEBUG: "*",
    OTEL_DENO: "true",
    NPM_CONFIG_USERCONFIG: "/srv/npmrc",
    RUST_LOG: "trace",
  };
  const { environment } = await host.tell({ env });
  assert.match(environment["LD_PRELOAD"] ?? "", /^\/proc\/self\/fd\/\d+$/);
  delete environment["LD_PRELOAD"];
  assert.deepEqual(environment, {
    PATH: "/usr/bin:/bin",
    TERM: "linux",
    NO_COLOR: "1",
    LDX: "kept",
    DENO: "kept",
    HOME: NOWHERE,
    DENO_DIR: NOWHERE,
    DENO_NO_UPDATE_CHECK: "1",
  });
  assert.deepEqual(host.list("/srv"), []);
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
