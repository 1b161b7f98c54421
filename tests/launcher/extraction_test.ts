import assert from "node:assert/strict";
import { Host, hostTest, MEMORY, ROOT_CACHE } from "./host.ts";
import { digest, runtimeIn, trailer } from "./launched_file.ts";

/** How often a process that is to be stopped while it unpacks may be done already. */
const ATTEMPTS = 10;

/** Starts, and waits until the temporary directory is there. */
async function unpacking(
  host: Host,
  start: () => Deno.ChildProcess,
): Promise<Deno.ChildProcess> {
  await using made = await host.watch(ROOT_CACHE);
  const child = start();
  while (await made.next() !== "new");
  return child;
}

/** Ends a first start by a signal while it unpacks. */
async function interrupt(host: Host, signal: Deno.Signal): Promise<Deno.CommandOutput> {
  // A shell makes what it starts in the background ignore SIGINT and SIGQUIT, these tests perhaps.
  const by = ["env", "--default-signal"];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const child = await unpacking(host, () => host.start({ by, args: ["wait"] }));
    child.kill(signal);
    const output = await child.output();
    if (!host.list(ROOT_CACHE).includes(digest())) return output;
    Deno.removeSync(host.path(`${ROOT_CACHE}/${digest()}`), { recursive: true });
  }
  assert.fail(`Each of ${ATTEMPTS} starts was done before it could be stopped`);
}

hostTest("ten first starts at once unpack once, and all run what is unpacked", async () => {
  await using host = await Host.create();
  host.mkdir(ROOT_CACHE);
  await using made = await host.watch(ROOT_CACHE);
  const told = await Promise.all(Array.from({ length: 10 }, () => host.tell()));
  assert.deepEqual(told.map(({ executable }) => executable), Array(10).fill(runtimeIn(ROOT_CACHE)));
  assert.deepEqual(host.list(ROOT_CACHE), [digest(), "lock"]);
  Deno.writeTextFileSync(host.path(`${ROOT_CACHE}/end`), "");
  const names: string[] = [];
  for (let name = await made.next(); name !== "end"; name = await made.next()) names.push(name);
  assert.deepEqual(names.filter((name) => name === "new"), ["new"]);
});

hostTest("what a start that was killed has left is removed by the next one", async () => {
  await using host = await Host.create();
  host.mkdir(ROOT_CACHE);
  const { signal } = await interrupt(host, "SIGKILL");
  assert.equal(signal, "SIGKILL");
  assert.deepEqual(host.list(ROOT_CACHE), ["lock", "new"]);

  assert.equal((await host.tell()).executable, runtimeIn(ROOT_CACHE));
  assert.deepEqual(host.list(ROOT_CACHE), [digest(), "lock"]);
});

for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  hostTest(`${name} ends a start that unpacks, and nothing is left`, async () => {
    await using host = await Host.create();
    host.mkdir(ROOT_CACHE);
    const { signal, stdout, stderr } = await interrupt(host, name);
    assert.equal(signal, name);
    assert.equal(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
    assert.deepEqual(host.list(ROOT_CACHE), ["lock"]);
  });
}

hostTest("a signal that is ignored does not stop a start that unpacks", async () => {
  await using host = await Host.create();
  host.mkdir(ROOT_CACHE);
  const by = ["sh", "-c", `trap "" HUP; exec "$@"`, "sh"];
  const child = await unpacking(host, () => host.start({ by, args: ["exit", "7"] }));
  child.kill("SIGHUP");
  assert.equal((await child.output()).code, 7);
  assert.deepEqual(host.list(ROOT_CACHE), [digest(), "lock"]);
});

hostTest("a full disk is cleaned up, and the start goes on from memory", async () => {
  const full = "No space left on device";
  await using host = await Host.create({ "/var/cache": "mode=755,size=16m" });
  const told = await host.tell(
    {},
    `vrft: Cannot unpack the runtime into ${ROOT_CACHE}: ${full}; starting from memory\n`,
  );
  assert.equal(told.executable, MEMORY);
  assert.deepEqual(host.list(ROOT_CACHE), ["lock"]);
});

hostTest("a limit on the size of files is said, and nothing is left", async () => {
  await using host = await Host.create();
  // More than the program, less than the runtime.
  const { code, signal, stderr } = await host.run({ by: ["prlimit", "--fsize=8000000"] });
  assert.deepEqual({ code, signal }, { code: 1, signal: null });
  assert.equal(
    stderr,
    `vrft: Cannot unpack the runtime into ${ROOT_CACHE}: File too large; starting from memory\n` +
      "vrft: Cannot unpack the runtime into memory: File too large\n",
  );
  assert.deepEqual(host.list(ROOT_CACHE), ["lock"]);
});

hostTest("a runtime that is cut off, too long, or missing is unpacked anew", async () => {
  await using host = await Host.create();
  await host.tell();
  const runtime = host.path(runtimeIn(ROOT_CACHE));
  const { size } = trailer().parts.runtime;
  const damages = [
    () => Deno.truncateSync(runtime, size - 1),
    () => Deno.truncateSync(runtime, 0),
    () => Deno.truncateSync(runtime, size + 1),
    () => Deno.removeSync(runtime),
  ];
  for (const damage of damages) {
    damage();
    assert.equal((await host.tell()).executable, runtimeIn(ROOT_CACHE));
    assert.equal(Deno.statSync(runtime).size, size);
    assert.deepEqual(host.list(ROOT_CACHE), [digest(), "lock"]);
  }
});

hostTest("a cache that cannot be written is used if it has the runtime", async () => {
  await using host = await Host.create();
  await host.tell();
  const { ino } = Deno.statSync(host.path(runtimeIn(ROOT_CACHE)));
  const told = await host.tell({
    by: ["sh", "-c", 'mount -o remount,ro /var/cache && exec "$@"', "sh"],
  });
  assert.equal(told.executable, runtimeIn(ROOT_CACHE));
  assert.equal(Deno.statSync(host.path(runtimeIn(ROOT_CACHE))).ino, ino);
});
