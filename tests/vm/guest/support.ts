/**
 * For tests inside a guest: runs vrft as a user would, and parses its output.
 *
 * @module
 */

import assert from "node:assert/strict";

/** Timeout in seconds for a trace to become live; attaching by kprobes is slow when emulated. */
const READY_SECONDS = 240;
const decoder = new TextDecoder();

/** Debian's older kernels have no FPROBE: of the backends, only kprobes work there. */
export const FPROBE = !/^(5\.10|6\.1)\./.test(Deno.osRelease());

/** Debian's newest kernel can attach one program to many functions by trampolines: Linux 7.2. */
export const TRAMPOLINES = /^(7\.[2-9]|7\.\d\d|[89]\.|\d\d\.)/.test(Deno.osRelease());

/** Backends that work here, best first, however long letting go takes. */
export const WORKING: readonly string[] = [
  ...(TRAMPOLINES ? ["trampoline"] : []),
  ...(FPROBE ? ["session", "multi"] : []),
  "kprobe",
];

/** First arguments of vrft with which it does not take `--vrouter-btf`. Any other may begin a filter. */
const WITHOUT_BTF = ["interfaces", "completions", "--help", "--version"];

/**
 * Arguments of vrft for this kernel: Linux 5.10 has no BTF of modules, so this adds `--vrouter-btf` if
 * the test does not.
 */
export function vrftArguments(args: readonly string[]): string[] {
  const [command] = args;
  const takesBtf = command === undefined || !WITHOUT_BTF.includes(command);
  const decided = args.includes("--vrouter-btf") || args.includes("--no-vrouter");
  if (!takesBtf || decided || hasModuleBtf()) return [...args];
  return [...args, "--vrouter-btf", "/vm/vrouter.btf"];
}

/** Whether the kernel has BTF of modules. */
export function hasModuleBtf(): boolean {
  return [...Deno.readDirSync("/sys/kernel/btf")].some(({ name }) => name !== "vmlinux");
}

/** The result of a program. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, vrft with the {@linkcode vrftArguments} of this kernel. */
export async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Ended> {
  const command = new Deno.Command(program, {
    args: program === "vrft" ? vrftArguments(args) : [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program that must succeed, and returns its stdout. */
export async function must(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

function childrenOf(pid: number): number[] {
  try {
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return children.split(" ").filter((child) => child !== "").map(Number);
  } catch {
    return []; // It has ended.
  }
}

/** A trace that is running. */
export class Trace implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #directory: string;
  readonly #ended: Promise<Ended>;

  private constructor(child: Deno.ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    this.#ended = Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]).then(([{ code }, stdout, stderr]) => ({ code, stdout, stderr }));
  }

  /** Starts `vrft` with `args`, without waiting for anything. */
  static start(...args: string[]): Trace {
    return Trace.#start([], args);
  }

  static #start(before: readonly string[], args: readonly string[]): Trace {
    const directory = Deno.makeTempDirSync();
    const vrft = ["vrft", ...vrftArguments([...args, "--ready-file", `${directory}/ready`])];
    const [program, ...rest] = [...before, ...vrft];
    const child = new Deno.Command(program!, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Trace(child, directory);
  }

  /** Starts `vrft` and waits until every probe is live. */
  static async live(...args: string[]): Promise<Trace> {
    return await Trace.#live(Trace.start(...args), args);
  }

  /**
   * Like {@linkcode live}, but as process 1 of a new pid namespace, as in a container.
   *
   * @param options of unshare(1), such as `-n` for a new network namespace
   */
  static async contained(options: readonly string[], ...args: string[]): Promise<Trace> {
    const before = ["unshare", "-p", "-f", "--mount-proc", ...options];
    return await Trace.#live(Trace.#start(before, args), args);
  }

  static async #live(trace: Trace, args: readonly string[]): Promise<Trace> {
    using watcher = Deno.watchFs(trace.#directory);
    const deadline = setTimeout(() => watcher.close(), READY_SECONDS * 1000);
    const gone = trace.#ended.then((ended) => {
      watcher.close();
      return ended;
    });
    try {
      if (!trace.#isReady()) {
        for await (const _ of watcher) if (trace.#isReady()) break;
      }
    } finally {
      clearTimeout(deadline);
    }
    if (!trace.#isReady()) {
      const { code, stderr } = await gone;
      throw new Error(`vrft ${args.join(" ")} ended with ${code} before it was live: ${stderr}`);
    }
    return trace;
  }

  #isReady(): boolean {
    try {
      Deno.statSync(`${this.#directory}/ready`);
      return true;
    } catch {
      return false;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal to vrft itself, not to the program that started it. */
  signal(signal: Deno.Signal): void {
    const [child] = childrenOf(this.pid);
    if (child === undefined) this.#child.kill(signal);
    else Deno.kill(child, signal);
  }

  /** Waits until it exits by itself. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Ends it by SIGINT. */
  async stop(signal: Deno.Signal = "SIGINT"): Promise<Ended> {
    this.signal(signal);
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#ended;
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Traces while `action` runs, then ends the trace by SIGINT. */
export async function traceWhile(
  args: readonly string[],
  action: () => Promise<unknown>,
): Promise<Ended> {
  await using trace = await Trace.live(...args);
  await action();
  return await trace.stop();
}

/** Sends `count` echo requests from vm1 to vm2, one after the other; all must be answered. */
export async function ping(count = 1, ...args: string[]): Promise<void> {
  await must(
    "ip",
    "netns",
    "exec",
    "vm1",
    "ping",
    "-c",
    `${count}`,
    "-i",
    "0.2",
    ...args,
    "10.1.1.2",
  );
}

/** Sends `count` echo requests from vm1 to vm2, each as soon as the one before is answered. */
export async function flood(count: number): Promise<void> {
  await must("ip", "netns", "exec", "vm1", "ping", "-q", "-f", "-c", `${count}`, "10.1.1.2");
}

/**
 * Prevents packets other than those of the test: disables IPv6, which sends packets by itself, lets
 * vrouter learn both MAC addresses from ARP, and then adds permanent neighbour entries.
 */
export async function settle(): Promise<void> {
  const neighbours = [["vm1", 2], ["vm2", 1]] as const;
  const quiet = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
  await must("sh", "-c", quiet);
  for (const [vm, other] of neighbours) {
    await must("ip", "netns", "exec", vm, "sh", "-c", quiet);
    // Not there the first time.
    await run("ip", ["-n", vm, "neigh", "del", `10.1.1.${other}`, "dev", "eth0"]);
  }
  await ping(2);
  for (const [vm, other] of neighbours) {
    const address = ["lladdr", `02:00:00:00:00:0${other}`, "dev", "eth0", "nud", "permanent"];
    await must("ip", "-n", vm, "neigh", "replace", `10.1.1.${other}`, ...address);
  }
}

/** A call in a printed tree. */
export interface Call {
  readonly name: string;
  readonly cpu: number;
  readonly depth: number;
  /** Nanoseconds. */
  readonly start: bigint;
  end: bigint | undefined;
  /** The comment after the closing brace. */
  note: string;
  readonly calls: Call[];
}

export const HEADER = "Timestamp            CPU                         Function";
/** A call; behind that of a dropped packet stands why. */
const ENTRY = /^(\d{1,20}) +(\d{3,}) ( *)(\S+)\(\) \{ *(?:\/\* [^*]+ \*\/ *)?$/;
const RETURN = /^(\d{1,20}) +(\d{3,}) ( *)\}(?: {2}\/\* (.*) \*\/)? *$/;
const ORPHAN = /^(\d{1,20}) +(\d{3,}) ( *)\/\* (\S+)\(\) returned, its call was lost \*\/ *$/;

/** A parsed trace. */
export interface Printed {
  /** Outermost calls, in the order of their start. */
  readonly roots: readonly Call[];
  /** All calls in the order of their start. */
  readonly calls: readonly Call[];
  /** Number of rows of events: entries and actual returns. */
  readonly events: number;
  readonly orphans: number;
}

/**
 * Parses a trace. Rows of several tasks interleave, each task with its own indentation. A row is assigned
 * to the latest open call one level further out, which is correct unless two tasks do the same on two
 * CPUs at once.
 *
 * @throws if a row has another format, or a brace has no counterpart in its column
 */
export function parse(stdout: string): Printed {
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.shift(), HEADER);
  const roots: Call[] = [];
  const calls: Call[] = [];
  const open: Call[] = [];
  let events = 0;
  let orphans = 0;
  for (const line of lines) {
    const entry = ENTRY.exec(line);
    if (entry) {
      const [, start, cpu, indent, name] = entry as unknown as string[];
      const depth = indent!.length / 2;
      const call = {
        name: name!,
        cpu: Number(cpu),
        depth,
        start: BigInt(start!),
        end: undefined,
        note: "",
        calls: [],
      };
      if (depth === 0) roots.push(call);
      else {
        const parent = open.findLast((one) => one.depth === depth - 1);
        assert.ok(parent, `no call around: ${line}`);
        parent.calls.push(call);
      }
      open.push(call);
      calls.push(call);
      events++;
      continue;
    }
    if (ORPHAN.test(line)) {
      orphans++;
      events++;
      continue;
    }
    const ret = RETURN.exec(line);
    assert.ok(ret, `not a row: "${line}"`);
    const depth = ret[3]!.length / 2;
    const index = open.findLastIndex((one) => one.depth === depth);
    assert.ok(index >= 0, `a brace without counterpart: ${line}`);
    const [call] = open.splice(index, 1);
    call!.end = BigInt(ret[1]!);
    call!.note = ret[4] ?? "";
    if (call!.note === "") events++;
  }
  assert.deepEqual(open.map(({ name }) => name), [], "calls without closing brace");
  return { roots, calls, events, orphans };
}

/** The names of a call and those inside it, as `name(inner inner(innermost))`. */
export function shape(call: Call): string {
  return call.calls.length === 0 ? call.name : `${call.name}(${call.calls.map(shape).join(" ")})`;
}

/** The same tree without calls of other names, whose inner calls take their place. */
export function keep(calls: readonly Call[], names: ReadonlySet<string>): Call[] {
  return calls.flatMap((call) => {
    const inner = keep(call.calls, names);
    return names.has(call.name) ? [{ ...call, calls: inner }] : inner;
  });
}

/** The counts of the summary line by name: `calls`, `functions`, `events lost` … */
export function summary(stderr: string): Map<string, number> {
  const line = stderr.trimEnd().split("\n").at(-1)!;
  const counts = new Map<string, number>();
  for (const part of line.replace(/^\S+ \S+ /, "").split("; ")) {
    const [, calls, functions] = /^([\d,]+) calls? of ([\d,]+) functions?$/.exec(part) ?? [];
    if (calls && functions) {
      counts.set("calls", count(calls)).set("functions", count(functions));
    } else {
      const [, number, what] = /^([\d,.]+) (.*)$/.exec(part) ?? [];
      assert.ok(number && what, `no summary: "${line}"`);
      // Of one, the noun is in the singular.
      const name = number === "1" ? what.replace(/^(probe hit|\w+)\b/, "$1s") : what;
      counts.set(name, count(number));
    }
  }
  return counts;
}

function count(text: string): number {
  return Number(text.replaceAll(",", ""));
}

/**
 * Waits until the kernel has freed all maps, ten seconds at most. The programs of trampolines are gone before
 * vrft ends; that frees their maps, which the kernel's workers do behind grace periods of RCU.
 */
export async function untilMapsAreFreed(): Promise<void> {
  const end = performance.now() + 10_000;
  const maps = async (): Promise<number> =>
    JSON.parse(await must("bpftool", "-j", "map", "show")).length;
  while (await maps() > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Everything of vrft's that is left in the kernel, by name. */
export async function leftovers(): Promise<string[]> {
  const found: string[] = [];
  for (const kind of ["link", "prog", "map"]) {
    for (
      const one of JSON.parse(await must("bpftool", "-j", kind, "show")) as { name?: string }[]
    ) {
      found.push(`${kind} ${JSON.stringify(one)}`);
    }
  }
  const events = Deno.readTextFileSync("/sys/kernel/tracing/kprobe_events");
  found.push(...events.split("\n").filter((line) => line.includes("vrft")));
  const armed = Deno.readTextFileSync("/sys/kernel/debug/kprobes/list").split("\n")
    .filter((line) => line !== "" && !line.includes("[DISABLED]"));
  found.push(...armed.map((line) => `kprobe ${line}`));
  const traced = Deno.readTextFileSync("/sys/kernel/tracing/enabled_functions").split("\n")
    .filter((line) => line !== "");
  found.push(...traced.slice(0, 5).map((line) => `traced ${line}`));
  if (Deno.readTextFileSync("/sys/kernel/rcu_expedited").trim() !== "0") {
    found.push("rcu_expedited");
  }
  return found;
}
