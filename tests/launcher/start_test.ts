import assert from "node:assert/strict";
import { Host, hostTest, MEMORY, ROOT_CACHE, USER } from "./host.ts";
import { executable, PACKED, replaceLast, runtimeIn, small, whole } from "./launched_file.ts";

hostTest("the first start unpacks the runtime, and later ones run that", async () => {
  await using host = await Host.create();
  const first = await host.tell();
  assert.equal(first.executable, runtimeIn(ROOT_CACHE));
  const unpacked = Deno.statSync(host.path(runtimeIn(ROOT_CACHE)));
  assert.equal(unpacked.mode! & 0o7777, 0o700);
  assert.equal(Deno.statSync(host.path(ROOT_CACHE)).mode! & 0o7777, 0o700);

  const second = await host.tell();
  assert.equal(second.executable, runtimeIn(ROOT_CACHE));
  const { ino, mtime } = Deno.statSync(host.path(runtimeIn(ROOT_CACHE)));
  assert.deepEqual({ ino, mtime }, { ino: unpacked.ino, mtime: unpacked.mtime });
  // Where the program may keep something, and what it is.
  assert.equal(second.cache?.folder, ROOT_CACHE);
  assert.match(second.cache.program, /^[0-9a-f]{64}$/);
  assert.deepEqual(second.cache, first.cache);
});

hostTest("the program gets its arguments as they are", async () => {
  await using host = await Host.create();
  const args = ["tell", "--help", "-A", "", "--", "--v8-flags=--help", "ä b", "-"];
  assert.deepEqual((await host.tell({ args })).arguments, args);
});

hostTest("ps shows the process as vrft", async () => {
  await using host = await Host.create();
  const told = await host.tell();
  assert.equal(told.name, "vrft");
  assert.equal(told.commandLine[0], "vrft");
});

hostTest("the exit status is the program's", async () => {
  await using host = await Host.create();
  const result = await host.run({ args: ["exit", "7"] });
  assert.deepEqual(result, { code: 7, signal: null, stdout: "", stderr: "" });
});

hostTest("the program gets the files in it", async () => {
  await using host = await Host.create();
  assert.deepEqual((await host.tell()).files, PACKED);
});

hostTest("an error that the program does not catch is shown with its place", async () => {
  await using host = await Host.create();
  const { code, stdout, stderr } = await host.run({ args: ["throw"], env: { NO_COLOR: "1" } });
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
  assert.match(stderr, /^error: .*Error: thrown\n(.*\n)*? +at .*\bvrft\b.*:\d+:\d+\)$/m);
});

hostTest("a signal reaches the program", async () => {
  await using host = await Host.create();
  const child = host.start({ args: ["wait"] });
  const output = child.stdout.pipeThrough(new TextDecoderStream()).values();
  assert.deepEqual(await output.next(), { value: "waiting\n", done: false });
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
  assert.equal((await output.next()).done, true);
  assert.equal(await child.stderr.text(), "");
});

hostTest("libgcc_s comes from the file, not from the host", async () => {
  await using host = await Host.create();
  const { libraries } = await host.tell();
  const names = libraries.join("\n");
  assert.match(names, /libc\.so\.6/);
  assert.match(names, /^\/memfd:vrft /m);
  assert.doesNotMatch(names, /libgcc_s/);
});

hostTest("closed standard streams are not taken for files of the launcher", async () => {
  await using host = await Host.create();
  // Twice: with an empty cache, and with a full one.
  for (let start = 0; start < 2; start++) {
    const by = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"];
    assert.equal((await host.run({ by, args: ["exit", "7"] })).code, 7);
  }
  assert.deepEqual(host.list(ROOT_CACHE).length, 2);
});

hostTest("where the first cache of root cannot be written, the second one serves", async () => {
  for (const options of ["mode=755,ro", "mode=755,noexec"]) {
    await using host = await Host.create({ "/var/cache": options });
    const told = await host.tell();
    assert.equal(told.executable, runtimeIn("/run/vrft"), options);
    assert.equal(told.cache?.folder, "/run/vrft");
  }
});

hostTest(
  "a host that is all read-only, or runs nothing from what can be written, starts from memory",
  async () => {
    for (const option of ["ro", "noexec"]) {
      const options = `mode=755,${option}`;
      await using host = await Host.create({
        "/var/cache": options,
        "/run": options,
        "/srv": options,
      });
      const told = await host.tell({ cwd: "/srv" });
      assert.equal(told.executable, MEMORY, option);
      assert.equal(told.cache, null);
      assert.equal(told.commandLine[0], "vrft");
    }
  },
);

hostTest(
  "a host without the directories of caches starts from memory, and makes none",
  async () => {
    await using host = await Host.create({
      "/var/cache": null,
      "/run": "mode=755,ro",
      "/var": "mode=755",
    });
    // The file itself lies below /var.
    const copy = "/srv/vrft";
    Deno.copyFileSync(whole(), host.path(copy));
    assert.equal((await host.tell({ file: copy })).executable, MEMORY);
    assert.deepEqual(host.list("/var"), []);
  },
);

hostTest("a user's cache is $XDG_CACHE_HOME, or $HOME/.cache", async () => {
  await using host = await Host.create();
  host.mkdir("/srv/user", { user: USER });
  const user = USER;
  const cases: [Record<string, string>, string][] = [
    [{ HOME: "/srv/user" }, "/srv/user/.cache/vrft"],
    [{ HOME: "/srv/user", XDG_CACHE_HOME: "cache" }, "/srv/user/.cache/vrft"],
    [{ HOME: "/srv/user", XDG_CACHE_HOME: "/srv/user/a//b/" }, "/srv/user/a/b/vrft"],
  ];
  for (const [env, cache] of cases) {
    const told = await host.tell({ user, env });
    assert.equal(told.executable, runtimeIn(cache));
    assert.equal(told.cache, null);
    assert.deepEqual(host.list(cache).length, 2);
  }
  assert.equal(Deno.statSync(host.path("/srv/user/a/b")).mode! & 0o7777, 0o700);
});

hostTest("a user without a home starts from memory", async () => {
  await using host = await Host.create();
  for (const env of [{}, { HOME: "" }, { HOME: "home" }, { HOME: "/nonexistent" }]) {
    assert.equal((await host.tell({ user: USER, env })).executable, MEMORY, JSON.stringify(env));
  }
});

hostTest("root's cache is never below $HOME", async () => {
  await using host = await Host.create();
  const env = { HOME: "/srv", XDG_CACHE_HOME: "/srv" };
  assert.equal((await host.tell({ env })).executable, runtimeIn(ROOT_CACHE));
  assert.deepEqual(host.list("/srv"), []);
});

hostTest("nothing is written but the cache", async () => {
  await using host = await Host.create();
  const directories = ["/srv", "/tmp", "/run", "/dev/shm"];
  // mount(8) itself may have left something in /run.
  const before = directories.map((directory) => host.list(directory));
  for (let start = 0; start < 2; start++) await host.tell({ cwd: "/srv", env: { HOME: "/srv" } });
  assert.deepEqual(directories.map((directory) => host.list(directory)), before);
  assert.deepEqual(host.list("/var/cache"), ["vrft"]);
});

hostTest("set-user-ID is refused", async () => {
  await using host = await Host.create();
  const path = host.path("/srv/vrft");
  Deno.copyFileSync(whole(), path);
  for (const mode of [0o4755, 0o2755]) {
    Deno.chmodSync(path, mode);
    const { code, stdout, stderr } = await host.run({ file: "/srv/vrft", user: USER });
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.equal(stderr, "vrft: Cannot run set-user-ID or set-group-ID: run it as root\n");
  }
});

hostTest("a host without glibc is told what is missing", async () => {
  await using host = await Host.create();
  const linker = "/lib64/ld-linux-x86-64.so.2";
  const runtime = replaceLast(
    Deno.readFileSync("/bin/true"),
    linker,
    "/lib64/ld-other-x86-64.so.2",
  );
  const file = executable("no-glibc", small(runtime));
  const { code, stderr } = await host.run({ file });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "vrft: Cannot find /lib64/ld-linux-x86-64.so.2: this host needs glibc 2.28 or newer\n",
  );
});
