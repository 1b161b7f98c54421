/**
 * On this machine's own kernel: ring to text against C, recordings, and discovery against bpftool.
 *
 * Arguments: REPETITIONS RECORDS PEER OBJECT FOLDER: the two files of peer.c and peer.bpf.c, and the
 * folder that discovery.ts takes. Runs in the root of the checkout; paths in the results are relative to
 * that, and say nothing of the machine.
 *
 * @module
 */

import { report } from "../samples.ts";

const decoder = new TextDecoder();
/** Both have it to themselves, with all their threads: it is the CPU that counts. */
const ONE_CPU = ["taskset", "-c", `${navigator.hardwareConcurrency - 1}`];
/** As vrft is run: see scripts/lib/runtime_options.sh. */
const DENO = ["deno", "run", "-A", "--no-check", "--quiet", "--v8-flags=--single-threaded"];

/** Runs a program; its JSON, and the seconds that it took. */
async function run(command: readonly string[]): Promise<{ stdout: string; ms: number }> {
  const [program, ...args] = command;
  const start = performance.now();
  const { success, code, stdout, stderr } = await new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const ms = performance.now() - start;
  if (success) return { stdout: decoder.decode(stdout), ms };
  const words = decoder.decode(stderr).trim().split("\n").slice(-3).join(" / ");
  throw new Error(`${command.join(" ")} ended with ${code}: ${words}`);
}

/** Measures once under some keys. */
async function attempt(keys: readonly string[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const problem = error instanceof Error ? error.message : `${error}`;
    console.error(problem);
    for (const key of keys) report({ key, problem });
  }
}

async function ringToText(name: string, command: readonly string[]): Promise<void> {
  const { stdout } = await run([...ONE_CPU, ...command]);
  const { records, firstMs, secondMs } = JSON.parse(stdout);
  for (const [which, ms] of [["cold", firstMs], ["warm", secondMs]] as const) {
    report({ key: `ring-${which}/${name}`, command: [...ONE_CPU, ...command].join(" ") });
    // Nanoseconds for an event.
    report({ key: `ring-${which}/${name}`, value: ms * 1e6 / records });
  }
  report({ key: `rate/${name}`, value: records / secondMs / 1000 });
}

const [repetitions, records, peer, object, folder] = Deno.args;
const vrftReader = [...DENO, "tests/bench/native/ring_to_text.ts", records!];
const peerReader = [peer!, object!, "ring-to-text", records!];
const recording = [...DENO, "tests/bench/native/recording.ts", records!];
const discovery = [...DENO, "tests/bench/native/discovery.ts", folder!];
// bpftool's rows go nowhere: writing them to a file would only slow it down.
const bpftool = ["sh", "-c", `bpftool btf dump file ${folder}/btf/vmlinux format raw >/dev/null`];

for (let index = 0; index < Number(repetitions); index++) {
  for (const [name, command] of [["vrft", vrftReader], ["peer", peerReader]] as const) {
    const keys = [`ring-cold/${name}`, `ring-warm/${name}`, `rate/${name}`];
    await attempt(keys, () => ringToText(name, command));
  }
  await attempt(["record/vrft", "replay/vrft", "record-bytes/vrft"], async () => {
    const { stdout } = await run(recording);
    const { records, bytes, writeMs, readMs } = JSON.parse(stdout);
    report({ key: "record/vrft", command: recording.join(" ") });
    report({ key: "record/vrft", value: records / writeMs / 1000 });
    report({ key: "replay/vrft", value: records / readMs / 1000 });
    report({ key: "record-bytes/vrft", value: bytes / records });
  });
  await attempt(["discovery/vrft"], async () => {
    const { stdout, ms } = await run(discovery);
    report({ key: "discovery/vrft", command: discovery.join(" ") });
    report({ key: "discovery/vrft", value: JSON.parse(stdout).ms });
    report({ key: "discovery-process/vrft", value: ms });
  });
  await attempt(["discovery/bpftool"], async () => {
    const { ms } = await run(bpftool);
    report({ key: "discovery/bpftool", command: bpftool[2]! });
    report({ key: "discovery/bpftool", value: ms });
  });
}
