/**
 * Runs vrft on this machine, which need not have kprobes or the module: `vrft drops --no-vrouter`
 * stands for any trace, with datagrams that nobody listens for as its events.
 *
 * @module
 */

import assert from "node:assert/strict";

/** The program, as scripts/build makes it. */
export const VRFT = new URL("../../build/vrft", import.meta.url).pathname;

/** The result of a program. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(command: readonly string[]): Promise<Ended> {
  return endOf(await spawn(command).output());
}

/** Starts a program whose output is read by this one. */
export function spawn([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function endOf({ code, stdout, stderr }: Deno.CommandOutput): Ended {
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Starts a program, lets `live` act once the program has created its `--ready-file`, which is added to
 * its arguments, and waits for the end.
 */
export async function whenLive(
  command: readonly string[],
  live: (child: Deno.ChildProcess) => void | Promise<void>,
): Promise<Ended> {
  const directory = await Deno.makeTempDir();
  try {
    using watcher = Deno.watchFs(directory);
    await using child = spawn([...command, "--ready-file", `${directory}/ready`]);
    const output = child.output().finally(() => watcher.close());
    let ready = false;
    for await (const { kind } of watcher) {
      ready = kind === "create";
      if (ready) break;
    }
    if (ready) await live(child);
    return endOf(await output);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Has the kernel drop as many datagrams to `host`, an address of this machine. */
export async function sendDatagrams(host: string, count: number): Promise<void> {
  const script = `for ((i = 0; i < ${count}; i++)); do echo >/dev/udp/${host}/9; done`;
  const { success } = await new Deno.Command("bash", { args: ["-c", script] }).output();
  assert.ok(success);
}
