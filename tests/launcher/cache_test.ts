import assert from "node:assert/strict";
import { Host, hostTest, MEMORY, type Mounts, ROOT_CACHE, USER } from "./host.ts";
import { digest, runtimeIn } from "./launched_file.ts";

/** Something that another user, or a mistake, has put in the way of root's start. */
interface Trap {
  readonly name: string;
  readonly mounts?: Mounts;
  set?(host: Host): void;
  /** What the line on stderr says is wrong. */
  readonly reason: () => string;
}

/** Runs in place of the runtime, if it can. */
const HOSTILE = "#!/bin/sh\necho hostile\n";

/** A directory of another user, with a hostile runtime of the right place and mode in it. */
function setHostileCache(host: Host, path: string): void {
  host.mkdir(path, { user: USER });
  setHostileRuntime(host, path);
}

function setHostileRuntime(host: Host, cache: string, { mode = 0o700, user = USER } = {}): void {
  host.mkdir(`${cache}/${digest()}`, { user });
  setFile(host, runtimeIn(cache), HOSTILE, { mode, user });
}

function setFile(host: Host, path: string, text: string, { mode = 0o700, user = 0 } = {}): void {
  Deno.writeTextFileSync(host.path(path), text);
  Deno.chmodSync(host.path(path), mode);
  Deno.chownSync(host.path(path), user, user);
}

/** Everything below a directory: paths, modes, owners, sizes, and where links lead. */
function snapshot(host: Host, path: string): string[] {
  const lines: string[] = [];
  for (const name of host.list(path)) {
    const entry = `${path}/${name}`;
    const { mode, uid, size, isDirectory, isSymlink } = Deno.lstatSync(host.path(entry));
    const target = isSymlink ? Deno.readLinkSync(host.path(entry)) : "";
    lines.push(`${entry} ${mode?.toString(8)} ${uid} ${isDirectory ? "" : size} ${target}`);
    if (isDirectory) lines.push(...snapshot(host, entry));
  }
  return lines;
}

const TRAPS: readonly Trap[] = [
  {
    name: "a symbolic link in place of the cache",
    set: (host) => {
      setHostileCache(host, "/srv/hostile");
      Deno.symlinkSync("/srv/hostile", host.path(ROOT_CACHE));
    },
    reason: () => `${ROOT_CACHE} is a symbolic link`,
  },
  {
    name: "a symbolic link in place of the cache to what would do",
    set: (host) => {
      host.mkdir("/srv/cache");
      Deno.symlinkSync("/srv/cache", host.path(ROOT_CACHE));
    },
    reason: () => `${ROOT_CACHE} is a symbolic link`,
  },
  {
    name: "a file in place of the cache",
    set: (host) => setFile(host, ROOT_CACHE, HOSTILE),
    reason: () => `${ROOT_CACHE} is not a directory`,
  },
  {
    name: "a cache of another user",
    set: (host) => setHostileCache(host, ROOT_CACHE),
    reason: () => `${ROOT_CACHE} belongs to user ${USER}`,
  },
  {
    name: "a cache that all can write",
    set: (host) => host.mkdir(ROOT_CACHE, { mode: 0o777 }),
    reason: () => `${ROOT_CACHE} has mode 0777, not 0700`,
  },
  {
    name: "a cache that its group can write",
    set: (host) => host.mkdir(ROOT_CACHE, { mode: 0o770 }),
    reason: () => `${ROOT_CACHE} has mode 0770, not 0700`,
  },
  {
    name: "a cache that others can read",
    set: (host) => host.mkdir(ROOT_CACHE, { mode: 0o755 }),
    reason: () => `${ROOT_CACHE} has mode 0755, not 0700`,
  },
  {
    name: "a directory above the cache that all can write",
    mounts: { "/var/cache": "mode=777" },
    reason: () => "/var/cache is writable by others (mode 0777)",
  },
  {
    name: "a directory above the cache that has the sticky bit",
    mounts: { "/var/cache": "mode=1777" },
    reason: () => "/var/cache is writable by others (mode 1777)",
  },
  {
    name: "a directory above the cache that belongs to another user",
    mounts: { "/var/cache": `mode=755,uid=${USER}` },
    reason: () => `/var/cache belongs to user ${USER}`,
  },
  {
    name: "a symbolic link in place of the runtime's directory",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      host.mkdir("/srv/hostile");
      setFile(host, "/srv/hostile/vrft", HOSTILE);
      Deno.symlinkSync("/srv/hostile", host.path(`${ROOT_CACHE}/${digest()}`));
    },
    reason: () => `${ROOT_CACHE}/${digest()} is a symbolic link`,
  },
  {
    name: "a runtime's directory of another user",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      setHostileRuntime(host, ROOT_CACHE);
    },
    reason: () => `${ROOT_CACHE}/${digest()} belongs to user ${USER}`,
  },
  {
    name: "a runtime's directory that all can write",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      host.mkdir(`${ROOT_CACHE}/${digest()}`, { mode: 0o777 });
    },
    reason: () => `${ROOT_CACHE}/${digest()} has mode 0777, not 0700`,
  },
  {
    name: "a symbolic link in place of the runtime",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      host.mkdir(`${ROOT_CACHE}/${digest()}`);
      setFile(host, "/srv/hostile", HOSTILE);
      Deno.symlinkSync("/srv/hostile", host.path(runtimeIn(ROOT_CACHE)));
    },
    reason: () => `${runtimeIn(ROOT_CACHE)} is not a regular file`,
  },
  {
    name: "a runtime of another user",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      host.mkdir(`${ROOT_CACHE}/${digest()}`);
      setFile(host, runtimeIn(ROOT_CACHE), HOSTILE, { user: USER });
    },
    reason: () => `${runtimeIn(ROOT_CACHE)} belongs to user ${USER}`,
  },
  {
    name: "a runtime that all can write",
    set: (host) => {
      host.mkdir(ROOT_CACHE);
      setHostileRuntime(host, ROOT_CACHE, { mode: 0o777, user: 0 });
    },
    reason: () => `${runtimeIn(ROOT_CACHE)} has mode 0777, not 0700`,
  },
];

for (const { name, mounts = {}, set, reason } of TRAPS) {
  hostTest(`${name} is refused and left as it is`, async () => {
    await using host = await Host.create(mounts);
    set?.(host);
    const before = [...snapshot(host, "/var/cache"), ...snapshot(host, "/srv")];
    const told = await host.tell(
      {},
      `vrft: Cannot use the cache: ${reason()}; starting from memory\n`,
    );
    assert.equal(told.executable, MEMORY);
    assert.deepEqual([...snapshot(host, "/var/cache"), ...snapshot(host, "/srv")], before);
  });
}

hostTest("a symbolic link in place of the lock is not followed", async () => {
  await using host = await Host.create();
  host.mkdir(ROOT_CACHE);
  Deno.symlinkSync("/srv/victim", host.path(`${ROOT_CACHE}/lock`));
  const told = await host.tell(
    {},
    `vrft: Cannot unpack the runtime into ${ROOT_CACHE}: Too many levels of symbolic links; ` +
      "starting from memory\n",
  );
  assert.equal(told.executable, MEMORY);
  assert.deepEqual(host.list("/srv"), []);
});

hostTest(
  "a symbolic link in place of the temporary directory is removed, not followed",
  async () => {
    await using host = await Host.create();
    host.mkdir(ROOT_CACHE);
    host.mkdir("/srv/victim");
    setFile(host, "/srv/victim/vrft", "dear");
    Deno.symlinkSync("/srv/victim", host.path(`${ROOT_CACHE}/new`));
    assert.equal((await host.tell()).executable, runtimeIn(ROOT_CACHE));
    assert.equal(Deno.readTextFileSync(host.path("/srv/victim/vrft")), "dear");
    assert.deepEqual(host.list(ROOT_CACHE), [digest(), "lock"]);
  },
);

hostTest("a user's cache is refused for the same reasons", async () => {
  const home = (host: Host): void => host.mkdir("/srv/user", { user: USER });
  const cases: [string, (host: Host) => void, string][] = [
    ["/srv/user", (host) => {
      home(host);
      host.mkdir("/srv/user/.cache", { user: USER, mode: 0o775 });
    }, "/srv/user/.cache is writable by others (mode 0775)"],
    ["/srv/user", (host) => {
      home(host);
      host.mkdir("/srv/other", { user: USER });
      Deno.symlinkSync("/srv/other", host.path("/srv/user/.cache"));
    }, "/srv/user/.cache is a symbolic link"],
    ["/srv/user", (host) => {
      home(host);
      host.mkdir("/srv/user/.cache", { user: USER });
      host.mkdir("/srv/user/.cache/vrft");
    }, "/srv/user/.cache/vrft belongs to user 0"],
    ["/srv/user", (host) => {
      host.mkdir("/srv/user", { user: 12345, mode: 0o755 });
    }, "/srv/user belongs to user 12345"],
    ["/tmp/user", (host) => {
      host.mkdir("/tmp/user", { user: USER });
    }, "/tmp is writable by others (mode 1777)"],
  ];
  for (const [HOME, set, reason] of cases) {
    await using host = await Host.create();
    set(host);
    const stderr = `vrft: Cannot use the cache: ${reason}; starting from memory\n`;
    assert.equal((await host.tell({ user: USER, env: { HOME } }, stderr)).executable, MEMORY);
  }
});

hostTest("a home that the user cannot write to starts from memory", async () => {
  await using host = await Host.create();
  host.mkdir("/srv/user", { mode: 0o755 });
  const told = await host.tell({ user: USER, env: { HOME: "/srv/user" } });
  assert.equal(told.executable, MEMORY);
});
