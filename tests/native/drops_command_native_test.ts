import assert from "node:assert/strict";
import { BPF_PROG_TYPE_RAW_TRACEPOINT, bpfTest } from "../support/bpf.ts";
import { faultsOf } from "../support/json_schema.ts";
import { Terminal } from "../support/terminal.ts";

// The command on this machine: datagrams to ports that nobody listens at. The sender knows how many.

const test = bpfTest(BPF_PROG_TYPE_RAW_TRACEPOINT);
const VRFT = new URL("../../build/vrft", import.meta.url).pathname;
const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/schema/drops.schema.json", import.meta.url)),
);
const HOST = "127.0.9.1";
const FILTER = ["drops", "--no-vrouter", "-i", "lo", `udp and dst host ${HOST}`];

/** What a program has written, and its status. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program with a file that it creates when it is ready, and waits for that. */
async function started(start: (ready: string) => Deno.ChildProcess): Promise<Deno.ChildProcess> {
  const directory = await Deno.makeTempDir();
  try {
    using watcher = Deno.watchFs(directory);
    const child = start(`${directory}/ready`);
    void child.status.then(() => watcher.close());
    for await (const { kind } of watcher) if (kind === "create") break;
    return child;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs vrft, and lets the kernel drop as many datagrams once it is ready. */
async function run(datagrams: number, ...args: string[]): Promise<Result> {
  await using child = await started((ready) =>
    new Deno.Command(VRFT, {
      args: [...FILTER, "--ready-file", ready, ...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn()
  );
  await send(datagrams);
  return resultOf(await child.output());
}

function resultOf({ code, stdout, stderr }: Deno.CommandOutput): Result {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function send(datagrams: number): Promise<void> {
  const script = `for ((i = 0; i < ${datagrams}; i++)); do echo >/dev/udp/${HOST}/9; done`;
  const { success } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  assert.ok(success);
}

test("the command prints a line for each drop up to its limit, and can fail for them", async () => {
  const { code, stdout, stderr } = await run(3, "--lines", "-n", "3", "--fail-on-drop");
  const lines = stdout.split("\n").filter((line) => !line.startsWith(" ") && line !== "");
  assert.equal(lines.length, 3, stdout + stderr);
  for (const line of lines) {
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3} {2}kernel: NO_SOCKET +lo +\S+ > 127\.0\.9\.1 udp \d+ > 9, /,
    );
  }
  assert.match(stderr, / 3 drops: 3 lost; 0 events lost; /);
  assert.equal(code, 1);
});

test("a reason that is not meant is neither shown nor a failure", async () => {
  const args = ["--reason", "netfilter-drop", "--fail-on-drop", "--duration", "1s"];
  const { code, stdout, stderr } = await run(3, "--lines", ...args);
  assert.equal(stdout, "");
  assert.match(stderr, / 0 drops; 0 events lost; 0 probe hits missed; 3 drops not shown; /);
  assert.equal(code, 0);
});

test("JSON lines meet the schema", async () => {
  const { code, stdout } = await run(2, "--json", "-n", "2");
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) {
    const drop = JSON.parse(line);
    assert.deepEqual(faultsOf(drop, SCHEMA), [], line);
    assert.equal(drop.reason.name, "SKB_DROP_REASON_NO_SOCKET");
    assert.equal(drop.device, "lo");
    assert.ok(Math.abs(Date.parse(drop.time) - Date.now()) < 60_000, drop.time);
  }
  assert.equal(code, 0);
});

test("a reason that does not exist is a bad command line", async () => {
  const command = new Deno.Command(VRFT, { args: [...FILTER, "--reason", "nonsense"] });
  const { code, stderr } = await command.output();
  assert.equal(code, 2);
  assert.match(new TextDecoder().decode(stderr), /Cannot select drops by reason "nonsense"/);
});

test("a closed pipe ends it without a word", async () => {
  const script = '"$@" --lines | head -n 1';
  await using child = await started((ready) => {
    const args = ["-c", script, "sh", VRFT, ...FILTER, "--ready-file", ready];
    return new Deno.Command("sh", { args, stdout: "piped", stderr: "piped" }).spawn();
  });
  let ended = false;
  void child.status.then(() => ended = true);
  const output = child.output();
  // A later write finds the pipe closed.
  while (!ended) await send(2);
  const { stdout, stderr } = resultOf(await output);
  assert.match(stdout, /NO_SOCKET/);
  assert.doesNotMatch(stderr, /pipe|EPIPE|Cannot/);
});

test("on a terminal there is a table, which q ends, and the summary follows it", async () => {
  using terminal = new Terminal(120);
  const { modes } = terminal;
  await using child = terminal.start("env", "NO_COLOR=1", VRFT, ...FILTER);
  await terminal.until(() => terminal.text.includes("RATE/s"));
  // Each datagram has a source port of its own.
  terminal.type("gg");
  await send(5);
  await terminal.until(() => /5 {2}[\d:.]+ {2}kernel: NO_SOCKET/.test(terminal.text));
  terminal.type("q");
  let code: number | undefined;
  const ended = child.status.then((status) => code = status.code);
  await terminal.until(() => code !== undefined);
  assert.equal(await ended, 0);
  assert.equal(terminal.modes, modes);
  const after = terminal.text.slice(terminal.text.lastIndexOf("\x1b[?1049l"));
  assert.match(after, / 5 drops: 5 lost; /);
});
