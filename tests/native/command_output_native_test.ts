import assert from "node:assert/strict";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { run, sendDatagrams, spawn, VRFT, whenLive } from "../support/native_vrft.ts";

// Where a trace writes to, and what becomes of it.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const HOST = "127.0.9.2";
const DROPS = [VRFT, "drops", "--no-vrouter", "-i", "lo", "--lines", `udp and dst host ${HOST}`];

test("a FIFO without a reader holds nobody up", async () => {
  const directory = await Deno.makeTempDir();
  const fifo = `${directory}/fifo`;
  assert.equal((await run(["mkfifo", fifo])).code, 0);
  await using child = spawn([...DROPS, "-o", fifo]);
  void child.stdout.cancel();
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    if (/Waiting until somebody reads ".*fifo"/.test(text)) child.kill("SIGINT");
  }
  assert.equal((await child.status).code, 0, stderr);
  assert.match(stderr, /Interrupted before anything was attached\n$/);
  await Deno.remove(directory, { recursive: true });
});

test("-o leaves a file alone until the trace is live", async () => {
  const file = await Deno.makeTempFile();
  const earlier = "an earlier trace\n".repeat(10_000);
  await Deno.writeTextFile(file, earlier);
  const bad = await run([...DROPS, "--reason", "no-such-reason", "-o", file]);
  assert.equal(bad.code, 2, bad.stderr);
  const refused = await run([...DROPS, "-o", file, "--ready-file", "/proc/nowhere"]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.equal(await Deno.readTextFile(file), earlier);
  const limit = ["-n", "1", "-o", file];
  const { code, stderr } = await whenLive([...DROPS, ...limit], () => sendDatagrams(HOST, 1));
  assert.equal(code, 0, stderr);
  const text = await Deno.readTextFile(file);
  assert.match(text, /^[\d:.]+ {2}kernel: NO_SOCKET /);
  assert.doesNotMatch(text, /earlier/);
  await Deno.remove(file);
});

test("a ready file that would destroy something is refused", async () => {
  const precious = await Deno.makeTempFile();
  await Deno.writeTextFile(precious, "precious");
  const { code, stdout, stderr } = await run([...DROPS, "--ready-file", precious]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, stderr);
  assert.ok(stderr.trimEnd().split("\n").at(-1)!.includes(`"${precious}"`), stderr);
  assert.equal(await Deno.readTextFile(precious), "precious");
  await Deno.remove(precious);
});

test("output that takes nothing at all is an error that names it", async () => {
  const script = ["sh", "-c", 'exec "$@" >/dev/full', "sh"];
  const cases = [
    [[...DROPS, "-o", "/dev/full"], '"/dev/full"'],
    [[...script, ...DROPS], "standard output"],
  ] as const;
  for (const [command, name] of cases) {
    const { code, stdout, stderr } = await whenLive(command, () => sendDatagrams(HOST, 1));
    assert.equal(code, 1, stderr);
    assert.equal(stdout, "");
    assert.equal(
      stderr.trimEnd().split("\n").at(-1),
      `vrft: Cannot write to ${name}: No space left on device`,
    );
  }
});

test("closed standard streams do no harm", async () => {
  for (const closed of ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) {
    const script = ["sh", "-c", `exec "$@" ${closed}`, "sh"];
    const { code, stdout, stderr } = await whenLive(
      [...script, ...DROPS, "-n", "1"],
      () => sendDatagrams(HOST, 1),
    );
    assert.equal(code, 0, `${closed}: ${stderr}`);
    // Output to a closed stream is discarded, and does not go to the other one.
    if (closed.includes("2>&-")) assert.equal(stderr, "");
    else assert.match(stderr, / 1 drops?: 1 lost; .* in vrft.*\n$/);
    if (/(^| )>&-/.test(closed)) assert.equal(stdout, "");
    else assert.match(stdout, /^[\d:.]+ {2}kernel: NO_SOCKET /);
  }
});

test("a lone event is printed at once, not when a buffer is full", async () => {
  const directory = await Deno.makeTempDir();
  using watcher = Deno.watchFs(directory);
  const command = [...DROPS, "--ready-file", `${directory}/ready`];
  await using child = spawn(command);
  const stderr = new Response(child.stderr).text();
  for await (const { kind } of watcher) if (kind === "create") break;
  await sendDatagrams(HOST, 1);
  // Nothing else ends the wait: the trace goes on, and no more packets come.
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value!, /^[\d:.]+ {2}kernel: NO_SOCKET .*\n {5,}at .*\n$/);
  child.kill("SIGTERM");
  await reader.cancel();
  assert.equal((await child.status).code, 0, await stderr);
  await Deno.remove(directory, { recursive: true });
});

test("after --duration, one signal ends the wait for an output that takes nothing", async () => {
  const directory = await Deno.makeTempDir();
  using watcher = Deno.watchFs(directory);
  await using child = spawn([...DROPS, "--duration", "2s", "--ready-file", `${directory}/ready`]);
  for await (const { kind } of watcher) if (kind === "create") break;
  // More than a pipe takes.
  await sendDatagrams(HOST, 600);
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    if (/waiting until standard output takes/.test(text)) child.kill("SIGTERM");
  }
  assert.equal((await child.status).code, 0, stderr);
  assert.match(stderr, /waiting until standard output takes[^]* drops/);
  await child.stdout.cancel();
  await Deno.remove(directory, { recursive: true });
});
